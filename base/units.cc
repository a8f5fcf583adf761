#include "base/units.h"

#include <fmt/format.h>

#include <array>
#include <charconv>

namespace bsr {

std::string human_bytes(uint64_t bytes) {
  constexpr std::array kUnits = {"KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
  if (bytes < 1024) return fmt::format("{} B", bytes);
  double value = static_cast<double>(bytes) / 1024;
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < kUnits.size()) {
    value /= 1024;
    ++unit;
  }
  return fmt::format("{:.1f} {}", value, kUnits.at(unit));
}

std::optional<uint64_t> parse_bytes(std::string_view text) {
  constexpr std::string_view kUnits = "KMGT";
  uint64_t value = 0;
  const char* const end = text.data() + text.size();
  const auto [rest, problem] = std::from_chars(text.data(), end, value);
  if (problem != std::errc()) return std::nullopt;
  const std::string_view unit = text.substr(static_cast<size_t>(rest - text.data()));
  if (unit.size() > 1) return std::nullopt;
  const size_t power = unit.empty() ? 0 : kUnits.find(unit.front()) + 1;
  if (!unit.empty() && power == 0) return std::nullopt;
  const unsigned shift = static_cast<unsigned>(10 * power);
  if (value > static_cast<uint64_t>(INT64_MAX) >> shift) return std::nullopt;
  return value << shift;
}

std::string human_duration(uint64_t seconds) {
  const uint64_t minutes = seconds / 60;
  if (minutes < 60) return fmt::format("{}:{:02}", minutes, seconds % 60);
  return fmt::format("{}:{:02}:{:02}", minutes / 60, minutes % 60, seconds % 60);
}

}  // namespace bsr
