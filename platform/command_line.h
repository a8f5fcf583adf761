// What the programs' command lines have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdio>

#include "base/error.h"

namespace bsr {

/// Parses; false when the command line was answered on standard output (--help, --version). Throws
/// Error{usage}.
inline bool parse_command_line(CLI::App& app, int argc, char** argv) {
  try {
    app.parse(argc, argv);
    return true;
  } catch (const CLI::Success& answered) {  // --help, --version
    app.exit(answered);
    return false;
  } catch (const CLI::ParseError& error) {
    fail(ErrorKind::usage, "{} (see --help)", error.what());
  }
}

}  // namespace bsr
