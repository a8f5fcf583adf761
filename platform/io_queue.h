// Reads and writes that are under way while the program does something else.
#pragma once

#include <sys/uio.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <optional>
#include <thread>
#include <vector>

#include "base/bytes.h"

namespace bsr {

/// Threads carry them out, because the kernel takes tens of milliseconds to end an aio context,
/// longer than most deltas take, and io_uring is often forbidden. Serves one thread.
class IoQueue {
 public:
  struct Request {
    enum class Kind { read, write };
    Kind kind = Kind::read;
    int fd = -1;                     ///< must stay open
    uint64_t offset = 0;             ///< bytes
    std::vector<iovec> pieces = {};  ///< one after the other; memory that must stay
    uint64_t tag = 0;
  };
  struct Done {
    uint64_t tag = 0;
    ssize_t result = 0;  ///< bytes, perhaps fewer than asked for, or -errno
  };

  /// `at_once`: so many at a time; others wait their turn.
  explicit IoQueue(size_t at_once) : at_once_(at_once) {}
  IoQueue(const IoQueue&) = delete;
  IoQueue& operator=(const IoQueue&) = delete;
  ~IoQueue();  ///< forgets what no thread has begun, waits for the rest

  /// Where the system has no thread for them, they are done at once.
  void start(std::vector<Request> requests);
  void read(int fd, uint64_t offset, std::span<std::byte> into, uint64_t tag);
  void write(int fd, uint64_t offset, ByteView bytes, uint64_t tag);

  /// Started, and not returned by wait() or wait_for() yet.
  [[nodiscard]] size_t in_flight() const { return in_flight_; }

  /// The next one that ends, in any order; needs in_flight() > 0.
  Done wait();

  /// The one with this tag, which must be in flight, and no other with it.
  Done wait_for(uint64_t tag);

 private:
  void serve();
  Done take(const std::deque<Done>::iterator& done);

  size_t at_once_;
  size_t in_flight_ = 0;
  std::mutex mutex_;
  std::condition_variable work_;   // something is waiting, or the end has come
  std::condition_variable ended_;  // something is done
  std::deque<Request> waiting_;
  std::deque<Done> done_;
  std::optional<uint64_t> wanted_;  // the only one whose end is worth waking for, while wait_for()
  bool stopped_ = false;
  std::vector<std::jthread> threads_;  // as many as were ever of use
};

}  // namespace bsr
