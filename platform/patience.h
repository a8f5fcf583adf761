// Waiting for those who hold something for a moment: udev, a scan, a backup.
#pragma once

#include <chrono>
#include <thread>

#include "base/error.h"
#include "platform/signals.h"

namespace bsr {

constexpr std::chrono::seconds kPatience{3};

/// Does `step` until it throws no Error{busy} any more, or has thrown them for so long. Throws
/// Error{interrupted} after a stop signal.
template <typename Step>
auto while_busy(const Step& step, std::chrono::milliseconds patience = kPatience) {
  constexpr std::chrono::milliseconds kInterval{50};
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (true) try {
      return step();
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::busy || std::chrono::steady_clock::now() >= deadline) throw;
      throw_if_stopped();
      std::this_thread::sleep_for(kInterval);
    }
}

}  // namespace bsr
