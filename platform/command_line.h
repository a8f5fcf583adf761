// What the programs' command lines have in common.
#pragma once

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <map>
#include <string>
#include <string_view>
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

/// Whether `name` stands among the arguments: for reports about a command line that cannot be
/// parsed.
inline bool has_argument(int argc, char** argv, std::string_view name) {
  return std::any_of(argv, argv + argc, [&](const char* argument) { return argument == name; });
}

/// The number behind `name` among the arguments, or -1.
inline int number_argument(int argc, char** argv, std::string_view name) {
  int value = -1;
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    const std::string_view text =
        argument == name && i + 1 < argc ? argv[i + 1]
        : argument.starts_with(name) && argument.substr(name.size()).starts_with('=')
            ? argument.substr(name.size() + 1)
            : "";
    if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc())
      value = -1;
    if (value >= 0) return value;
  }
  return -1;
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
