// A queue between threads that holds at most a fixed number of items.
#pragma once

#include <condition_variable>
#include <deque>
#include <mutex>
#include <optional>
#include <tuple>

namespace bsr {

/// Full: push() waits; empty: pop() waits; closed: both return at once. Any number of threads on
/// either side.
template <typename T>
class BoundedQueue {
 public:
  explicit BoundedQueue(size_t capacity) : capacity_(capacity) {}

  /// False when the queue was closed; the item is then gone.
  bool push(T item) {
    std::unique_lock lock(mutex_);
    has_room_.wait(lock, [&] { return closed_ || items_.size() < capacity_; });
    if (closed_) return false;
    items_.push_back(std::move(item));
    lock.unlock();
    has_items_.notify_one();
    return true;
  }

  /// Nullopt when the queue was closed and is drained.
  std::optional<T> pop() {
    std::unique_lock lock(mutex_);
    has_items_.wait(lock, [&] { return closed_ || !items_.empty(); });
    if (items_.empty()) return std::nullopt;
    std::optional<T> item = std::move(items_.front());
    items_.pop_front();
    lock.unlock();
    has_room_.notify_one();
    return item;
  }

  void close() {
    const std::lock_guard lock(mutex_);
    closed_ = true;
    has_room_.notify_all();
    has_items_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable has_room_;
  std::condition_variable has_items_;
  std::deque<T> items_;
  size_t capacity_;
  bool closed_ = false;
};

/// Closes queues when a scope ends, also by exception, so that threads waiting on them end before
/// they are joined.
template <typename... Queues>
class CloseOnExit {
 public:
  explicit CloseOnExit(Queues&... queues) : queues_(queues...) {}
  CloseOnExit(const CloseOnExit&) = delete;
  CloseOnExit& operator=(const CloseOnExit&) = delete;
  ~CloseOnExit() {
    std::apply([](auto&... queue) { (queue.close(), ...); }, queues_);
  }

 private:
  std::tuple<Queues&...> queues_;
};

}  // namespace bsr
