#include "platform/io_queue.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
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

void IoQueue::start(std::vector<Request> requests) {
  in_flight_ += requests.size();
  while (threads_.size() < std::min(in_flight_, at_once_)) try {
      threads_.emplace_back([this] { serve(); });
    } catch (const std::system_error&) {
      at_once_ = threads_.size();
    }
  if (threads_.empty()) {
    for (const Request& request : requests) done_.push_back({request.tag, carry_out(request)});
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    std::ranges::move(requests, std::back_inserter(waiting_));
  }
  if (requests.size() == 1)
    work_.notify_one();
  else
    work_.notify_all();
}

void IoQueue::read(int fd, uint64_t offset, std::span<std::byte> into, uint64_t tag) {
  start({{Request::Kind::read, fd, offset, {{into.data(), into.size()}}, tag}});
}

void IoQueue::write(int fd, uint64_t offset, ByteView bytes, uint64_t tag) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): it is only read
  start({{Request::Kind::write,
          fd,
          offset,
          {{const_cast<std::byte*>(bytes.data()), bytes.size()}},
          tag}});
}

IoQueue::Done IoQueue::wait() {
  std::unique_lock lock(mutex_);
  ended_.wait(lock, [&] { return !done_.empty(); });
  return take(done_.begin());
}

IoQueue::Done IoQueue::wait_for(uint64_t tag) {
  std::unique_lock lock(mutex_);
  auto found = done_.end();
  wanted_ = tag;
  ended_.wait(lock, [&] {
    found = std::ranges::find(done_, tag, &Done::tag);
    return found != done_.end();
  });
  wanted_.reset();
  return take(found);
}

IoQueue::Done IoQueue::take(const std::deque<Done>::iterator& done) {
  const Done taken = *done;
  done_.erase(done);
  --in_flight_;
  return taken;
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
    if (!wanted_ || *wanted_ == done.tag) ended_.notify_one();
  }
}

}  // namespace bsr
