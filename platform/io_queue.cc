#include "platform/io_queue.h"

#include <algorithm>
#include <cerrno>

#include "platform/io_ring.h"
#include "platform/io_threads.h"
#include "platform/stuck_io.h"

namespace bsr {

IoDone carry_out(const IoRequest& request) {
  const auto call = request.kind == IoRequest::Kind::write ? pwritev : preadv;
  for (;;) {
    const ssize_t done =
        call(request.fd, request.pieces.data(), static_cast<int>(request.pieces.size()),
             static_cast<off_t>(request.offset));
    if (done >= 0) return {request.tag, done};
    if (errno != EINTR) return {request.tag, -errno};
  }
}

void IoQueue::start(std::vector<IoRequest> requests) {
  if (!carrier_) carrier_ = IoRing::open(at_once_);
  if (!carrier_) carrier_ = std::make_unique<IoThreads>(at_once_);
  in_flight_ += requests.size();
  if (!requests.empty()) last_fd_ = requests.front().fd;
  carrier_->start(std::move(requests));
}

void IoQueue::read(int fd, uint64_t offset, std::span<std::byte> into, uint64_t tag) {
  start({{IoRequest::Kind::read, fd, offset, {{into.data(), into.size()}}, tag}});
}

void IoQueue::write(int fd, uint64_t offset, ByteView bytes, uint64_t tag) {
  // NOLINTNEXTLINE(cppcoreguidelines-pro-type-const-cast): it is only read
  start({{IoRequest::Kind::write,
          fd,
          offset,
          {{const_cast<std::byte*>(bytes.data()), bytes.size()}},
          tag}});
}

IoDone IoQueue::wait() {
  StuckIo stuck(limit_);
  while (done_.empty()) {
    carrier_->collect(done_, std::nullopt);
    if (done_.empty()) stuck.still_waiting(last_fd_);
  }
  return take(done_.begin());
}

IoDone IoQueue::wait_for(uint64_t tag) {
  StuckIo stuck(limit_);
  for (;;) {
    const auto found = std::ranges::find(done_, tag, &IoDone::tag);
    if (found != done_.end()) return take(found);
    const size_t before = done_.size();
    carrier_->collect(done_, tag);
    if (done_.size() == before) stuck.still_waiting(last_fd_);
  }
}

IoDone IoQueue::take(const std::deque<IoDone>::iterator& done) {
  const IoDone taken = *done;
  done_.erase(done);
  --in_flight_;
  return taken;
}

}  // namespace bsr
