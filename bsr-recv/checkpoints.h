// How far a transfer has come, made durable while it goes on.
#pragma once

#include <chrono>
#include <functional>
#include <future>
#include <optional>

#include "formats/frame.h"
#include "platform/clock.h"
#include "platform/volume.h"

namespace bsr {

/// Flushes and records often enough to lose little, seldom enough to cost nothing. The stream does
/// not wait for it: a flush takes as long as the disk likes, and goes on in a thread of its own.
class Checkpoints {
 public:
  /// Remembers a point that is durable. Is called one at a time, mostly from another thread.
  using Record = std::function<void(const ResumePoint&)>;

  /// `begin`: where the stream goes on; that is remembered already.
  Checkpoints(VolumeSink& sink, const ResumePoint& begin, Record record)
      : sink_(sink), record_(std::move(record)), passed_(begin), recorded_(begin.position) {}
  Checkpoints(const Checkpoints&) = delete;
  Checkpoints& operator=(const Checkpoints&) = delete;

  /// Both sides agree on everything up to `point`, and it was applied. `wire_bytes`: of the stream
  /// so far. Throws what an earlier flush met.
  void passed(const ResumePoint& point, uint64_t wire_bytes);

  /// Returns when nothing is under way any more, and throws what it met.
  void settle();

  /// Of the last point passed, now, unless it was recorded.
  void record();

  /// The last point passed.
  [[nodiscard]] const ResumePoint& last() const { return passed_; }

 private:
  void begin();
  void flush_and_record(const ResumePoint& point);

  VolumeSink& sink_;
  Record record_;
  ResumePoint passed_;
  uint64_t recorded_;  // the position of the last point that was
  uint64_t begun_wire_ = 0;
  std::chrono::steady_clock::time_point begun_time_ = steady_now();
  std::future<void> under_way_;  // waits for its thread: it ends first
};

}  // namespace bsr
