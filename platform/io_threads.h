// Requests carried out by threads.
#pragma once

#include <condition_variable>
#include <mutex>
#include <thread>

#include "platform/io_queue.h"

namespace bsr {

/// As many threads as were ever of use, at most 16. Where the system has none for them, requests
/// are done at once.
class IoThreads final : public IoCarrier {
 public:
  explicit IoThreads(size_t at_once);
  ~IoThreads() override;
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  void start(std::vector<IoRequest> requests) override;
  void collect(std::deque<IoDone>& done, std::optional<uint64_t> wanted) override;

 private:
  void serve();

  size_t at_once_;
  size_t in_flight_ = 0;  // started and not collected
  std::mutex mutex_;
  std::condition_variable work_;   // something is waiting, or the end has come
  std::condition_variable ended_;  // something is done
  std::deque<IoRequest> waiting_;
  std::deque<IoDone> done_;
  std::optional<uint64_t> wanted_;  // the only one whose end is worth waking for, while collect()
  bool stopped_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace bsr
