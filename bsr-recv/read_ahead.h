// Reads and checks the next frames while one is being applied.
#pragma once

#include <atomic>
#include <exception>
#include <functional>
#include <thread>
#include <variant>

#include "base/bounded_queue.h"
#include "platform/frame_source.h"

namespace bsr {

/// Drains a source in a thread of its own, and leaves out frames that may be passed over; a failure
/// there is thrown by next(), in its place in the order.
class ReadAhead {
 public:
  /// `open` makes the source; its stop token ends a wait for input when the reader is no longer
  /// wanted.
  using Open = std::function<std::unique_ptr<FrameSource>(std::stop_token)>;
  explicit ReadAhead(const Open& open)
      : source_(open(stop_.get_token())), thread_([this] { drain(); }) {}
  ~ReadAhead() {
    stop_.request_stop();
    queue_.close();
  }
  ReadAhead(const ReadAhead&) = delete;
  ReadAhead& operator=(const ReadAhead&) = delete;

  std::optional<Frame> next();

  /// Bytes of the stream taken in so far; any thread may ask.
  [[nodiscard]] uint64_t wire_bytes() const { return wire_bytes_.load(); }

  /// How far the transfer has come with the frame that next() gave last.
  [[nodiscard]] const ResumePoint& progress() const { return progress_; }

 private:
  struct Item {
    std::optional<Frame> frame;
    ResumePoint progress;
    std::exception_ptr failure;
  };
  void drain();

  ResumePoint progress_;
  std::stop_source stop_;
  std::unique_ptr<FrameSource> source_;
  std::atomic<uint64_t> wire_bytes_ = 0;
  BoundedQueue<Item> queue_{8};
  std::jthread thread_;  // last: joined first
};

}  // namespace bsr
