// So many bytes per second and no more.
#pragma once

#include <chrono>
#include <functional>

#include "platform/clock.h"
#include "platform/rate_control.h"

namespace bsr {

/// Spreads bytes over time: whoever has some asks for leave(), sends at most that, and reports
/// it. From its making on never more than the rate and one portion (20 ms); what was missed by at
/// most 150 ms is made good, so that the rate is held also where threads wake up late, and within 2
/// % over any 10 s.
class RateLimit {
 public:
  using Duration = std::chrono::steady_clock::duration;
  using Time = std::chrono::steady_clock::time_point;

  struct Leave {
    size_t bytes = 0;  ///< may be sent now
    Duration wait{};   ///< when none: ask again by then
  };

  explicit RateLimit(RateControl control = RateControl(), std::function<Time()> now = steady_now);

  Leave leave();

  /// These were sent.
  void sent(size_t bytes);

 private:
  RateControl control_;
  std::function<Time()> now_;
  uint64_t rate_ = 0;  // of the last leave; 0: no limit
  Time paid_;          // by then, what was sent will not have been too much
};

}  // namespace bsr
