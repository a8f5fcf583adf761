// One progress meter for several outputs.
#pragma once

#include <algorithm>
#include <limits>
#include <mutex>
#include <vector>

#include "platform/progress_meter.h"

namespace bsr {

/// Shows the output that is farthest behind: the session ends when that one does. From any thread.
class SharedProgress {
 public:
  SharedProgress(ProgressMeter& meter, size_t outputs) : meter_(meter), outputs_(outputs) {}

  void update(size_t output, uint64_t done, uint64_t wire) {
    const std::lock_guard lock(mutex_);
    outputs_.at(output).done = done;
    outputs_.at(output).wire = wire;
    const Place& last = *std::ranges::min_element(outputs_, {}, &Place::done);
    meter_.update(last.done, last.wire);
  }

  void tick() {
    const std::lock_guard lock(mutex_);
    meter_.tick();
  }

  /// Nobody waits for this one any more.
  void forget(size_t output) {
    const std::lock_guard lock(mutex_);
    outputs_.at(output).done = std::numeric_limits<uint64_t>::max();
  }

  /// Of one output.
  [[nodiscard]] SessionFigures figures(size_t output) {
    const std::lock_guard lock(mutex_);
    SessionFigures figures = meter_.figures();
    figures.done = outputs_.at(output).done;
    figures.wire = outputs_.at(output).wire;
    return figures;
  }

 private:
  struct Place {
    uint64_t done = 0;
    uint64_t wire = 0;
  };
  std::mutex mutex_;
  ProgressMeter& meter_;
  std::vector<Place> outputs_;
};

}  // namespace bsr
