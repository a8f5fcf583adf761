#include "bsr-send/options.h"

#include <algorithm>
#include <charconv>
#include <cstdio>
#include <thread>

#include "base/sector.h"
#include "formats/resume_token.h"
#include "formats/stream_format.h"
#include "platform/command_line.h"
#include "platform/fd_stream.h"
#include "platform/stream_output.h"

namespace bsr {
namespace {

std::optional<Compression> parse_compression(const std::string& text) {
  if (text == "auto") return std::nullopt;
  if (text == "none") return Compression{.enabled = false, .level = 0};
  if (text == "zstd") return Compression{};
  Compression compression;
  if (text.starts_with("zstd:")) {
    const char* const end = text.data() + text.size();
    const auto [rest, problem] = std::from_chars(text.data() + 5, end, compression.level);
    if (problem == std::errc() && rest == end && compression.level >= 1 && compression.level <= 19)
      return compression;
  }
  fail(ErrorKind::usage, "--compress {}: give auto, none, zstd or zstd:1 to zstd:19", text);
}

/// Patches are packed: without compression there are none.
bool can_patch(const SendOptions& options) {
  return options.format == StreamFormat::bsr_1 && !options.against &&
         (!options.compression || options.compression->enabled);
}

void check_patch(const SendOptions& options) {
  if (options.patch != PatchMode::always) return;
  const bool has_base = options.resume ? !options.resume->is_full() : options.base.has_value();
  if (!has_base)
    fail(ErrorKind::usage, "--patch always: there is no base; give --incremental BASE");
  if (options.format != StreamFormat::bsr_1)
    fail(ErrorKind::usage,
         "--patch always: only format bsr-1 can carry it; leave one of the two out");
  if (options.compression && !options.compression->enabled)
    fail(ErrorKind::usage, "--patch always: patches are compressed; leave --compress none out");
}

void continue_from(const ResumeToken& token, SendOptions& options) {
  options.resume = token.begin;
  if (!token.base_is_gone) return;
  if (options.patch == PatchMode::always)
    fail(ErrorKind::usage,
         "--patch always: the receiver of this --token wrote over its base; leave --patch out");
  options.patch = PatchMode::never;
}

void check_outputs(const SendOptions& options) {
  const std::vector<std::string>& outputs = options.outputs;
  if (options.json_fd == 1 && outputs.empty() && !options.dry_run)
    fail(ErrorKind::usage,
         "--json-fd 1: the stream goes there; give another descriptor, or --output FILE");
  if (options.dry_run && !outputs.empty())
    fail(ErrorKind::usage, "--dry-run writes no stream: leave --output out");
  if (options.format != StreamFormat::bsr_1 && outputs.size() > 1)
    fail(ErrorKind::usage, "--output: only format bsr-1 can have several; give one");
  for (const std::string& output : outputs)
    if (options.json_fd >= 0 && named_descriptor(output) == options.json_fd)
      fail(ErrorKind::usage, "--json-fd {}: the stream goes there; give another descriptor",
           options.json_fd);
}

void check(const SendOptions& options) {
  if (options.snapshot.empty() && !options.resume)
    fail(ErrorKind::usage,
         "SNAPSHOT is required: VG/LV, or a thin id with --metadata and --data (see --help)");
  if (options.resume && options.base && options.resume->is_full())
    fail(ErrorKind::usage, "--token: is for a full transfer; leave --incremental out");
  if (options.resume && options.format != StreamFormat::bsr_1)
    fail(ErrorKind::usage, "--token: only format bsr-1 can be continued; leave --format out");
  if (options.against && (options.base || options.resume))
    fail(ErrorKind::usage,
         "--against needs no base and cannot be continued; leave --incremental and --token out");
  if (options.against && options.format != StreamFormat::bsr_1)
    fail(ErrorKind::usage, "--against: only format bsr-1 can carry it; leave --format out");
  check_patch(options);
  if (options.content_digest && options.format != StreamFormat::bsr_1)
    fail(ErrorKind::usage,
         "--content-digest: only format bsr-1 can carry it; leave one of the two out");
  if (options.metadata_file.empty() != options.data_file.empty())
    fail(ErrorKind::usage, "--metadata and --data belong together: a pool image is two files");
  if ((options.size || options.base_size) && options.metadata_file.empty())
    fail(ErrorKind::usage,
         "--size is for pool images; LVM knows the size of its volumes, leave it out");
  if (options.base_size && !options.base)
    fail(ErrorKind::usage, "--base-size: there is no base; give --incremental BASE");
  for (const std::optional<uint64_t>& size : {options.size, options.base_size})
    if (size && (*size > INT64_MAX || *size % kSectorSize != 0))
      fail(ErrorKind::usage, "--size {}: give at most 2^63 - 1, whole sectors of {} bytes", *size,
           kSectorSize);
  if (options.json_fd >= 0 && !is_writable(options.json_fd))
    fail(ErrorKind::usage, "--json-fd {}: is not open for writing; give a descriptor that is",
         options.json_fd);
  check_outputs(options);
}

void add_pool_image(CLI::App& app, SendOptions& options) {
  app.add_option("--metadata", options.metadata_file, "thin pool metadata in a file");
  app.add_option("--data", options.data_file, "thin pool data in a file");
  app.add_option("--size", options.size, "volume size in bytes, for pool images");
  app.add_option("--base-size", options.base_size,
                 "size of the base in bytes, if it is not that of --size");
}

void add_output(CLI::App& app, std::vector<std::string>& outputs) {
  app.add_option("-o,--output", outputs,
                 "write to a new file, a FIFO or /dev/fd/N; may be given more than once")
      ->allow_extra_args(false);
}

void add_limit_rate(CLI::App& app, RateControl& rate) {
  app.add_option_function<std::string>(
      "--limit-rate",
      [&rate](const std::string& text) {
        rate = RateControl(text, [](const std::string& line) {
          std::fputs(fmt::format("bsr-send: {}\n", line).c_str(), stderr);
        });
      },
      "bytes per second, as 500K, 20M or 1G, or @FILE that holds it and may change");
}

}  // namespace

std::optional<SendOptions> parse_send_options(int argc, char** argv) {
  SendOptions options;
  options.threads = std::clamp(std::thread::hardware_concurrency(), 1U, 4U);
  std::string compression = "auto";
  bool compress = false;
  std::optional<std::string> token;
  std::optional<int> stall_timeout;

  CLI::App app("Sends a thin snapshot, or what changed since an older one, as a stream.",
               "bsr-send");
  app.set_version_flag("--version", BSR_VERSION);
  app.add_option("SNAPSHOT", options.snapshot, "VG/LV, or a thin id with --metadata and --data");
  app.add_option("-i,--incremental", options.base, "send what changed since this older snapshot");
  app.add_option("-t,--token", token,
                 "continue the interrupted transfer that bsr-recv gave this token for");
  app.add_option("--against", options.against,
                 "send what differs from this content map, which bsr-recv --digests wrote");
  app.add_flag("--content-digest", options.content_digest,
               "let the receiver check what the whole snapshot holds; costs reading");
  app.add_flag("-n,--dry-run", options.dry_run, "say what would be sent");
  app.add_flag("-v,--verbose", options.verbose, "say on standard error what is sent");
  app.add_flag("-P,--parsable", options.parsable, "say it in tab-separated fields");
  add_output(app, options.outputs);
  app.add_option("--compress", compression,
                 "auto (default): as the output lets us; none, zstd, or zstd:1 to zstd:19");
  app.add_flag("-c", compress, "same as --compress zstd");
  app.add_option("--threads", options.threads, "encoders; 0 does everything in one thread")
      ->check(CLI::Range(0, 64));
  add_choice<PatchMode>(
      app, "--patch", options.patch,
      {{"never", PatchMode::never}, {"auto", PatchMode::automatic}, {"always", PatchMode::always}},
      "read the base too and ship only the pages that differ: never, always, or "
      "auto (default): unless that takes longer");
  add_choice<StreamFormat>(app, "--format", options.format,
                           {{"bsr-1", StreamFormat::bsr_1},
                            {"thin-1.0", StreamFormat::thin_1_0},
                            {"thin-1.1", StreamFormat::thin_1_1}},
                           "bsr-1 (default), or a format that thin_recv reads");
  add_choice<DeltaEngine>(
      app, "--delta-engine", options.engine,
      {{"native", DeltaEngine::native},
       {"thin-tools", DeltaEngine::thin_tools},
       {"check", DeltaEngine::check}},
      "who says what changed: native (default), thin-tools, or check to compare both");
  add_pool_image(app, options);
  app.add_option("--stall-timeout", stall_timeout,
                 "give up when the reader takes no whole frame for so many seconds (600)")
      ->check(CLI::Range(0, kMaxStallTimeout));
  add_limit_rate(app, options.limit_rate);
  app.add_option("--json-fd", options.json_fd, "report as JSON lines to this descriptor")
      ->check(CLI::NonNegativeNumber);
  if (!parse_command_line(app, argc, argv)) return std::nullopt;

  options.compression =
      compress && app.count("--compress") == 0 ? Compression{} : parse_compression(compression);
  // First of all the receiver reads its target, or what it has of it.
  if (options.against || token) options.stall_timeout = {};
  if (stall_timeout) options.stall_timeout = std::chrono::seconds(*stall_timeout);
  if (token) continue_from(decode_token(*token), options);
  if (options.patch == PatchMode::automatic && !can_patch(options))
    options.patch = PatchMode::never;
  check(options);
  return options;
}

}  // namespace bsr
