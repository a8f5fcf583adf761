// The time, for whoever must not read the clock itself.
#pragma once

#include <chrono>
#include <cstdint>

namespace bsr {

/// For durations: never jumps.
[[nodiscard]] inline std::chrono::steady_clock::time_point steady_now() {
  return std::chrono::steady_clock::now();
}

/// For names and records: seconds since 1970 UTC, as the host believes.
[[nodiscard]] inline int64_t unix_now() {
  return std::chrono::duration_cast<std::chrono::seconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace bsr
