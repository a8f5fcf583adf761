// bsr-stream: parses the command line and does what it says with streams.
#include <unistd.h>

#include <optional>

#include "formats/tool/stream_tool.h"
#include "platform/command_line.h"
#include "platform/program.h"

namespace {

using Command = bsr::StreamToolOptions::Command;

std::optional<bsr::StreamToolOptions> parse(int argc, char** argv) {
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
  std::string output;
  auto* output_option = merge->add_option("-o,--output", output, "write the stream to a new file");
  auto* token = app.add_subcommand("token", "print what a resume token says");
  token->add_flag("--json", options.json, "print one JSON object");
  token->add_option("TOKEN", options.token, "as bsr-recv printed it")->required();
  if (!bsr::parse_command_line(app, argc, argv)) return std::nullopt;

  if (dump->parsed()) options.command = Command::dump;
  if (verify->parsed()) options.command = Command::verify;
  if (merge->parsed()) options.command = Command::merge;
  if (token->parsed()) options.command = Command::token;
  if (output_option->count() > 0) options.output = output;
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  return bsr::run_program("bsr-stream", [&] {
    const auto options = parse(argc, argv);
    return options ? bsr::run_stream_tool(*options, STDIN_FILENO, STDOUT_FILENO) : 0;
  });
}
