// What must be known of a command line that cannot be parsed, for the report about it.
#pragma once

#include <algorithm>
#include <charconv>
#include <string_view>

namespace bsr {

/// Whether `name` stands among the arguments.
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

}  // namespace bsr
