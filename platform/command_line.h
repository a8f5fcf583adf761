// What the programs' command lines have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <map>
#include <string>
#include <vector>

#include "base/error.h"

namespace bsr {

constexpr int kMaxStallTimeout = 1'000'000;  // seconds

/// An option whose value is one of a few words.
template <typename Choice>
CLI::Option* add_choice(CLI::App& app, const std::string& name, Choice& choice,
                        const std::map<std::string, Choice>& words, const std::string& help) {
  std::vector<std::string> allowed;
  allowed.reserve(words.size());
  for (const auto& [word, value] : words) allowed.push_back(word);
  return app
      .add_option_function<std::string>(
          name, [&choice, words](const std::string& word) { choice = words.at(word); }, help)
      ->check(CLI::IsMember(allowed));
}

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
