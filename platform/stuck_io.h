// Reads and writes that do not come back: of a suspended device, or of a disk that hangs.
#pragma once

#include <chrono>
#include <optional>

namespace bsr {

/// Watches one wait for what the kernel carries out in our memory. That cannot be called back, and
/// whoever unwinds would give the memory away: when there is nothing to wait for any more, the
/// process ends where it stands, with a message. That is no worse than SIGKILL, whose leftovers the
/// next session puts back.
class StuckIo {
 public:
  /// `limit`: for one wait; zero: none.
  explicit StuckIo(std::chrono::seconds limit) : limit_(limit) {}

  /// To be called at least twice a second while nothing comes back, with a file that is waited for.
  /// Ends the process two seconds after it was asked to, or when the limit is over.
  void still_waiting(int fd);

 private:
  using Time = std::chrono::steady_clock::time_point;

  std::chrono::seconds limit_;
  Time begin_ = std::chrono::steady_clock::now();
  std::optional<Time> stopped_;  // when a stop signal was seen
};

}  // namespace bsr
