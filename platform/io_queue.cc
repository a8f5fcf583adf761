#include "platform/io_queue.h"

#include <cerrno>
#include <system_error>

namespace bsr {
namespace {

ssize_t carry_out(const IoQueue::Request& request) {
  const auto call = request.kind == IoQueue::Request::Kind::write ? pwritev : preadv;
  for (;;) {
    const ssize_t done =
        call(request.fd, request.pieces.data(), static_cast<int>(request.pieces.size()),
             static_cast<off_t>(request.offset));
    if (done >= 0) return done;
    if (errno != EINTR) return -errno;
  }
}

}  // namespace

IoQueue::~IoQueue() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  waiting_.clear();
  work_.notify_all();
}

void IoQueue::start(Request request) {
  if (threads_.size() <= in_flight_ && threads_.size() < at_once_) try {
      threads_.emplace_back([this] { serve(); });
    } catch (const std::system_error&) {
      at_once_ = threads_.size();
    }
  if (threads_.empty()) {
    done_.push_back({request.tag, carry_out(request)});
    ++in_flight_;
    return;
  }
  const std::lock_guard lock(mutex_);
  waiting_.push_back(std::move(request));
  ++in_flight_;
  work_.notify_one();
}

void IoQueue::read(int fd, uint64_t offset, std::span<std::byte> into, uint64_t tag) {
  start({Request::Kind::read, fd, offset, {{into.data(), into.size()}}, tag});
}

void IoQueue::write(int fd, uint64_t offset, ByteView bytes, uint64_t tag) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): it is only read
  start({Request::Kind::write,
         fd,
         offset,
         {{const_cast<std::byte*>(bytes.data()), bytes.size()}},
         tag});
}

IoQueue::Done IoQueue::wait() {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [&] { return !done_.empty(); });
  const Done first = done_.front();
  done_.pop_front();
  --in_flight_;
  return first;
}

void IoQueue::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return stopped_ || !waiting_.empty(); });
    if (stopped_) return;
    const Request request = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    const Done done{request.tag, carry_out(request)};
    lock.lock();
    done_.push_back(done);
    ended_.notify_one();
  }
}

}  // namespace bsr
