#include "bsr-recv/options.h"

#include "platform/command_line.h"

namespace bsr {
namespace {

bool is_path(const std::string& target) {
  return target.starts_with('/') || target.starts_with('.') ||
         target.find('/') == std::string::npos;
}

VolumeName volume_name(const std::string& text, const char* what) {
  std::optional<VolumeName> name = parse_volume_name(text);
  if (!name) fail(ErrorKind::usage, "{} {}: not a name of the form VG/LV", what, text);
  return *name;
}

void check(const ReceiveOptions& options) {
  if (options.managed && options.base)
    fail(ErrorKind::usage, "--base is for plain targets; {} knows what it holds", options.target);
  if (!options.managed && options.pool)
    fail(ErrorKind::usage, "--pool is for targets of the form VG/LV; {} is a plain file or device",
         options.target);
  if (options.managed && options.legacy)
    fail(ErrorKind::usage,
         "--legacy-as is for plain targets: a legacy stream does not say what it applies to");
  if (!options.managed && options.rollback)
    fail(ErrorKind::usage,
         "--rollback is for targets of the form VG/LV; {} is written in place and keeps no older "
         "state",
         options.target);
  if (options.show_token && options.drop_partial)
    fail(ErrorKind::usage, "--token and --abort exclude each other: show it or drop it");
  if (options.digests && (options.show_token || options.drop_partial || options.json))
    fail(ErrorKind::usage,
         "--digests writes a content map and does nothing else; leave --token, "
         "--abort and --json out");
  if (options.ack && options.json)
    fail(ErrorKind::usage, "--ack and --json exclude each other: JSON lines say the same");
  if (options.pool && options.pool->vg != options.managed->vg)
    fail(ErrorKind::usage, "--pool {}: must be in the volume group of {}", to_string(*options.pool),
         options.target);
}

}  // namespace

std::optional<ReceiveOptions> parse_receive_options(int argc, char** argv) {
  ReceiveOptions options;
  std::optional<std::string> pool;
  LegacyMeaning legacy = LegacyMeaning::full;
  bool force = false;
  bool save = false;
  bool no_resume = false;
  std::optional<int> stall_timeout;

  CLI::App app("Receives a stream from standard input and applies it to TARGET.", "bsr-recv");
  app.set_version_flag("--version", BSR_VERSION);
  app.add_option("TARGET", options.target, "VG/LV (managed), or a file or block device (plain)")
      ->required();
  app.add_option("--pool", pool, "VG/POOL for the new volume of a first full stream");
  app.add_option("--base", options.base, "uuid of the snapshot that a plain target holds");
  auto* legacy_option = add_choice<LegacyMeaning>(
      app, "--legacy-as", legacy, {{"full", LegacyMeaning::full}, {"delta", LegacyMeaning::delta}},
      "what a stream of thin_send is");
  app.add_flag("-t,--token", options.show_token,
               "receive nothing: print the token that continues an interrupted transfer");
  app.add_flag("-A,--abort", options.drop_partial,
               "receive nothing: drop what an interrupted transfer left");
  app.add_flag(
      "--digests", options.digests,
      "receive nothing: read the target and write its content map, for bsr-send --against");
  app.add_flag("-s", save, "keep what an interrupted transfer left, which is the default");
  app.add_flag("--no-resume", no_resume, "keep nothing of this transfer when it is interrupted");
  app.add_flag("--rollback", options.rollback,
               "go back to the stream's base; the state left behind stays as a snapshot");
  add_choice<Verify>(app, "--verify", options.verify,
                     {{"written", Verify::written}, {"none", Verify::none}, {"all", Verify::all}},
                     "what is read back before it counts (default written)");
  app.add_option("--reserve", options.reserve.percent,
                 "percent of the pool's data and metadata that stay free (default 1)")
      ->check(CLI::Range(0, 99));
  app.add_option("--stall-timeout", stall_timeout,
                 "give up when no whole frame comes for so many seconds (600)")
      ->check(CLI::Range(0, kMaxStallTimeout));
  app.add_flag("--ack", options.ack, "print how far the target is durable, and what is committed");
  app.add_flag("-n,--dry-run", options.dry_run, "check the stream and the target, write nothing");
  app.add_flag("-v,--verbose", options.verbose, "say on standard error what is received");
  app.add_flag("--json", options.json, "report as JSON lines on standard output");
  app.add_flag("-F", force, "not offered: see the message");
  if (!parse_command_line(app, argc, argv)) return std::nullopt;

  if (force)
    fail(
        ErrorKind::usage,
        "-F: nothing here throws a state away. Send a change to the newest generation (`lvs -o "
        "name,tags` shows it), or say --rollback: it goes back to the stream's base and keeps what "
        "is there as a snapshot");
  if (stall_timeout) options.stall_timeout = std::chrono::seconds(*stall_timeout);
  options.resumable = !no_resume;
  if (save && no_resume) fail(ErrorKind::usage, "-s and --no-resume exclude each other");
  if (options.target.empty())
    fail(ErrorKind::usage, "the target has no name; give VG/LV, a file or a device");
  if (!is_path(options.target)) options.managed = volume_name(options.target, "target");
  if (pool) options.pool = volume_name(*pool, "--pool");
  if (legacy_option->count() > 0) options.legacy = legacy;
  check(options);
  return options;
}

}  // namespace bsr
