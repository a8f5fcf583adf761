// How far a transfer has come, made durable while it goes on.
#pragma once

#include <atomic>
#include <chrono>
#include <functional>
#include <future>
#include <optional>

#include "formats/frame.h"
#include "platform/clock.h"
#include "platform/read_back.h"
#include "platform/volume.h"
#include "platform/written_log.h"

namespace bsr {

/// Flushes, reads back and records often enough to lose little, seldom enough to cost nothing. The
/// stream does not wait for it: a flush takes as long as the disk likes, and all goes on in a
/// thread of its own. What is read back goes in smaller steps than what is recorded, so that little
/// of a small change is left to read when its stream has ended.
class Checkpoints {
 public:
  /// Remembers a point that is durable, and how much of the log is about what lies before it; that
  /// is durable too. Is called one at a time, mostly from another thread.
  using Record = std::function<void(const ResumePoint&, uint64_t logged)>;

  /// `begin`: of the stream; where it goes on is recorded already. `log`: of what goes into the
  /// sink. `read_back`: of that; null: nothing is read back.
  Checkpoints(VolumeSink& sink, WrittenLog& log, ReadBack* read_back, const BeginFrame& begin,
              Record record);
  Checkpoints(const Checkpoints&) = delete;
  Checkpoints& operator=(const Checkpoints&) = delete;

  /// Both sides agree on everything up to `point`, and it was applied. `wire_bytes`: of the stream
  /// so far. `content_bytes`: of the plan, by now. Throws what an earlier flush met.
  void passed(const ResumePoint& point, uint64_t wire_bytes, uint64_t content_bytes);

  /// Returns when nothing is under way any more, and throws what it met.
  void settle();

  /// Of the last point passed, now, unless it was recorded, or it takes long to read back what came
  /// before it.
  void record();

  /// After everything was applied and flushed, and nothing is under way: all of it was read back
  /// when this returns.
  void finish();

  /// After finish(): the last point passed is remembered once more, for a commit that failed.
  void record_again();

 private:
  struct Passed {
    ResumePoint point;
    uint64_t logged = 0;
  };

  using Between = std::function<void()>;

  void begin();
  void flush_and_read_back(const Passed& passed, const Between& between);
  void record(const Passed& passed);

  VolumeSink& sink_;
  WrittenLog& log_;
  ReadBack* read_back_;
  Record record_;
  Passed passed_;
  uint64_t recorded_;  // the position of the last point that was
  uint64_t step_;      // bytes of content that are read back at a time
  uint64_t begun_content_ = 0;
  uint64_t due_wire_ = 0;  // when a record was due last
  std::chrono::steady_clock::time_point due_time_ = steady_now();
  std::atomic<bool> record_is_due_ = false;  // with the step that is under way, or else the next
  std::future<void> under_way_;              // waits for its thread: it ends first
};

}  // namespace bsr
