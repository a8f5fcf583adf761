#include "platform/parallel_reads.h"

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace bsr {
namespace {

uint64_t read_pieces(int fd, const ParallelReads::Read& read) {
  for (;;) {
    const ssize_t got = preadv(fd, read.pieces.data(), static_cast<int>(read.pieces.size()),
                               static_cast<off_t>(read.offset));
    if (got < 0 && errno == EINTR) continue;
    return static_cast<uint64_t>(std::max<ssize_t>(got, 0));
  }
}

}  // namespace

ParallelReads::~ParallelReads() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  waiting_.clear();
  work_.notify_all();
}

bool ParallelReads::start(std::vector<Read> reads) {
  try {
    while (threads_.size() < std::min(reads.size(), kThreads))
      threads_.emplace_back([this] { serve(); });
  } catch (const std::system_error&) {
    if (threads_.empty()) return false;
  }
  const std::lock_guard lock(mutex_);
  for (Read& read : reads) {
    waiting_.push_back(std::move(read));
    work_.notify_one();
  }
  return true;
}

ParallelReads::Done ParallelReads::wait() {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [&] { return !done_.empty(); });
  const Done first = done_.front();
  done_.pop_front();
  return first;
}

void ParallelReads::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return stopped_ || !waiting_.empty(); });
    if (stopped_) return;
    const Read read = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    const Done done{read.id, read_pieces(fd_, read)};
    lock.lock();
    done_.push_back(done);
    ended_.notify_one();
  }
}

}  // namespace bsr
