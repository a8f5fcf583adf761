// The time, for whoever must not read the clock itself.
#pragma once

#include <chrono>

namespace bsr {

/// For durations: never jumps.
[[nodiscard]] inline std::chrono::steady_clock::time_point steady_now() {
  return std::chrono::steady_clock::now();
}

}  // namespace bsr
