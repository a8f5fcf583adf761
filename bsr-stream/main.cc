// bsr-stream: parses the command line and does what it says with streams.
#include <unistd.h>

#include <memory>
#include <optional>

#include "bsr-stream/digest_tool.h"
#include "bsr-stream/stream_tool.h"
#include "platform/command_line.h"
#include "platform/content_scan.h"
#include "platform/program.h"

namespace {

using Command = bsr::StreamToolOptions::Command;

/// What `digest` stands for when the command line names that.
void add_digest(CLI::App& app, std::optional<bsr::DigestToolOptions>& digest) {
  auto* command = app.add_subcommand("digest", "print the content root of a file or device");
  const auto options = std::make_shared<bsr::DigestToolOptions>();
  options->threads = bsr::default_scan_threads();
  command->add_flag("--json", options->json, "print one JSON object");
  command->add_option("-o,--output", options->output, "write the content map to a new file");
  command->add_option("--threads", options->threads, "that hash; 0 does everything in one thread")
      ->check(CLI::Range(0, 64));
  command->add_option("PATH", options->path, "file or block device")->required();
  command->callback([options, &digest] { digest = *options; });
}

std::optional<bsr::StreamToolOptions> parse(int argc, char** argv,
                                            std::optional<bsr::DigestToolOptions>& digest) {
  bsr::StreamToolOptions options;
  CLI::App app("Looks at streams of bsr-send or thin_send, and merges them.", "bsr-stream");
  app.set_version_flag("--version", BSR_VERSION);
  app.require_subcommand(1);
  auto* dump = app.add_subcommand("dump", "print one line per frame");
  dump->add_flag("--json", options.json, "print one JSON object per frame");
  dump->add_option("FILE", options.file, "a stream; default standard input");
  auto* verify = app.add_subcommand("verify", "check the whole stream; no target is needed");
  verify->add_option("FILE", options.file, "a stream; default standard input");
  auto* merge = app.add_subcommand("merge", "make one stream out of some that follow each other");
  merge->add_option("FILE", options.files, "streams, the oldest first")
      ->required()
      ->expected(2, -1);
  std::string base;
  auto* base_option = merge->add_option(
      "--base", base, "file or device that holds the base of the first stream; only read");
  std::string output;
  auto* output_option = merge->add_option("-o,--output", output, "write the stream to a new file");
  auto* token = app.add_subcommand("token", "print what a resume token says");
  token->add_flag("--json", options.json, "print one JSON object");
  token->add_option("TOKEN", options.token, "as bsr-recv printed it")->required();
  add_digest(app, digest);
  if (!bsr::parse_command_line(app, argc, argv)) return std::nullopt;

  if (dump->parsed()) options.command = Command::dump;
  if (verify->parsed()) options.command = Command::verify;
  if (merge->parsed()) options.command = Command::merge;
  if (token->parsed()) options.command = Command::token;
  if (base_option->count() > 0) options.base = base;
  if (output_option->count() > 0) options.output = output;
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  return bsr::run_program("bsr-stream", [&] {
    std::optional<bsr::DigestToolOptions> digest;
    const auto options = parse(argc, argv, digest);
    if (digest) return bsr::run_digest_tool(*digest, STDOUT_FILENO);
    return options ? bsr::run_stream_tool(*options, STDIN_FILENO, STDOUT_FILENO) : 0;
  });
}
