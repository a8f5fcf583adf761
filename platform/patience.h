// Waiting for what somebody holds for a moment only: udev, blkid, a backup that looks at a device.
#pragma once

#include <chrono>

#include "base/error.h"

namespace bsr {

/// One wait, from its construction on:
///   Patience patience;
///   while (is_in_use() && patience.wait()) {}
class Patience {
 public:
  explicit Patience(std::chrono::milliseconds limit = std::chrono::seconds(5));

  /// Waits a moment and returns true: try again. False: it has taken long enough. Throws
  /// Error{interrupted} after a stop signal.
  [[nodiscard]] bool wait() const;

 private:
  std::chrono::steady_clock::time_point deadline_;
};

/// Does `step` until it throws no Error{busy} any more, or patience is at its end.
template <typename Step>
auto while_busy(const Step& step) {
  const Patience patience;
  while (true) try {
      return step();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::busy || !patience.wait()) throw;
    }
}

}  // namespace bsr
