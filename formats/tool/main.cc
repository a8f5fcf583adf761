// bsr-stream: parses the command line and looks at one stream.
#include <unistd.h>

#include <optional>

#include "formats/tool/stream_tool.h"
#include "platform/command_line.h"
#include "platform/program.h"

namespace {

std::optional<bsr::StreamToolOptions> parse(int argc, char** argv) {
  bsr::StreamToolOptions options;
  CLI::App app("Looks at a stream of bsr-send or thin_send.", "bsr-stream");
  app.set_version_flag("--version", BSR_VERSION);
  app.require_subcommand(1);
  auto* dump = app.add_subcommand("dump", "print one line per frame");
  dump->add_flag("--json", options.json, "print one JSON object per frame");
  dump->add_option("FILE", options.file, "a stream; default standard input");
  auto* verify = app.add_subcommand("verify", "check the whole stream; no target is needed");
  verify->add_option("FILE", options.file, "a stream; default standard input");
  if (!bsr::parse_command_line(app, argc, argv)) return std::nullopt;
  options.command = dump->parsed() ? bsr::StreamToolOptions::Command::dump
                                   : bsr::StreamToolOptions::Command::verify;
  return options;
}

}  // namespace

int main(int argc, char** argv) {
  return bsr::run_program("bsr-stream", [&] {
    const auto options = parse(argc, argv);
    return options ? bsr::run_stream_tool(*options, STDIN_FILENO, STDOUT_FILENO) : 0;
  });
}
