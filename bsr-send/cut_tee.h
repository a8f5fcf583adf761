// Parts of a plan for several takers, each at its own pace.
#pragma once

#include <chrono>
#include <condition_variable>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <vector>

#include "bsr-send/pipeline.h"

namespace bsr {

/// Hands every part to every taker, through a queue for each. Whoever lets the others wait is
/// dropped: it gets what is in its queue, and the rest it must get by itself. One thread writes,
/// one thread for each taker takes.
class CutTee final : public CutWriter {
 public:
  using Duration = std::chrono::steady_clock::duration;

  struct Limits {
    uint64_t bytes = 16 << 20;  ///< in a queue, and one part more
    /// While a queue is full and another taker has nothing to do, time runs against the one that
    /// belongs to the full queue, and goes back at a tenth of the pace. This much drops it.
    Duration patience = std::chrono::seconds(1);
  };

  /// `while_waiting` is called at least twice a second while write() waits; what it throws comes
  /// out of write().
  CutTee(size_t takers, Limits limits, std::function<void()> while_waiting = {});

  /// Waits for room. Throws Error{peer} when no taker is left.
  void write(CutPtr cut) override;

  /// There is no more; `failure` is thrown to whoever takes after the last part.
  void finish(std::exception_ptr failure = {});

  /// Throws what finish() was given, if that was a failure.
  void check();

  /// The next part; nothing when there is no more, and to one that was dropped.
  CutPtr take(size_t taker);

  /// After take() gave nothing: whether there is more.
  [[nodiscard]] bool was_dropped(size_t taker);

  /// Whether somebody keeps pace, and whether anybody has not left.
  [[nodiscard]] bool is_taken();
  [[nodiscard]] bool anyone_left();

  /// The taker takes no more.
  void leave(size_t taker);

 private:
  enum class State { taking, dropped, gone };
  struct Taker {
    State state = State::taking;
    std::deque<CutPtr> queue;
    uint64_t bytes = 0;  // in it
    Duration against{};  // see Limits
  };

  [[nodiscard]] bool is_full(const Taker& taker) const;
  [[nodiscard]] bool is_idle(const Taker& taker) const;
  void wait_for_room(std::unique_lock<std::mutex>& lock);
  void forgive();

  Limits limits_;
  std::function<void()> while_waiting_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Taker> takers_;
  std::chrono::steady_clock::time_point forgiven_;  // up to then
  bool finished_ = false;
  std::exception_ptr failure_;
};

}  // namespace bsr
