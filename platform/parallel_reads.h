// Reads of one file, several at a time, while the program does something else.
#pragma once

#include <sys/uio.h>

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace bsr {

/// For what may as well be read later, by the caller itself: why a read failed is not told. Threads
/// that read, because the kernel takes tens of milliseconds to end an aio context, longer than most
/// deltas take, and io_uring is often forbidden. Serves one thread.
class ParallelReads {
 public:
  struct Read {
    uint64_t id = 0;
    uint64_t offset = 0;             ///< bytes
    std::vector<iovec> pieces = {};  ///< filled one after the other
  };
  struct Done {
    uint64_t id = 0;
    uint64_t bytes = 0;  ///< read; 0 when it failed
  };

  /// `fd` must stay open.
  explicit ParallelReads(int fd) : fd_(fd) {}
  ParallelReads(const ParallelReads&) = delete;
  ParallelReads& operator=(const ParallelReads&) = delete;
  ~ParallelReads();  ///< forgets what no thread has begun, waits for the rest

  /// The memory must stay until wait() named the read. False, and nothing is read, when the system
  /// has no thread for it.
  [[nodiscard]] bool start(std::vector<Read> reads);

  /// Waits for a read to end; there must be one.
  [[nodiscard]] Done wait();

 private:
  static constexpr size_t kThreads = 16;

  void serve();

  int fd_;
  std::mutex mutex_;
  std::condition_variable work_;   // something is waiting, or the end has come
  std::condition_variable ended_;  // something is done
  std::deque<Read> waiting_;
  std::deque<Done> done_;
  bool stopped_ = false;
  std::vector<std::jthread> threads_;  // as many as were ever of use
};

}  // namespace bsr
