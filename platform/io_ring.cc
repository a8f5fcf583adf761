#include "platform/io_ring.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <ranges>

#include "base/error.h"

namespace bsr {

std::unique_ptr<IoRing> IoRing::open(size_t at_once) {
  io_uring ring;
  if (io_uring_queue_init(static_cast<unsigned>(at_once), &ring, 0) != 0) return nullptr;
  return std::unique_ptr<IoRing>(new IoRing(ring, at_once));
}

/// An error here ends the program: the kernel may still read into memory that others will get.
// NOLINTNEXTLINE(bugprone-exception-escape)
IoRing::~IoRing() {
  waiting_.clear();
  std::deque<IoDone> ended;
  while (free_.size() < slots_.size()) collect(ended, std::nullopt);
  io_uring_queue_exit(&ring_);
}

void IoRing::start(std::vector<IoRequest> requests) {
  std::ranges::move(requests, std::back_inserter(waiting_));
  fill();
  submit_and_wait(0);
}

/// Gives the ring what it has room for.
void IoRing::fill() {
  while (!waiting_.empty() && !free_.empty()) {
    const size_t slot = free_.back();
    free_.pop_back();
    IoRequest& request = slots_[slot] = std::move(waiting_.front());
    waiting_.pop_front();
    io_uring_sqe* const entry = io_uring_get_sqe(&ring_);  // one for each slot
    const auto prepare =
        request.kind == IoRequest::Kind::write ? io_uring_prep_writev : io_uring_prep_readv;
    prepare(entry, request.fd, request.pieces.data(), static_cast<unsigned>(request.pieces.size()),
            request.offset);
    io_uring_sqe_set_data64(entry, slot);
  }
}

void IoRing::submit_and_wait(unsigned count) {
  for (;;) {
    const int result = io_uring_submit_and_wait(&ring_, count);
    if (result >= 0) return;
    // Short of memory for a moment: what it did not take it takes the next time.
    if ((result == -EAGAIN || result == -EBUSY) && count == 0) return;
    if (result != -EINTR && result != -EAGAIN && result != -EBUSY) fail_errno(-result, "io_uring");
  }
}

void IoRing::collect(std::deque<IoDone>& done, std::optional<uint64_t> /*wanted*/) {
  submit_and_wait(1);
  io_uring_cqe* ended = nullptr;
  while (io_uring_peek_cqe(&ring_, &ended) == 0) {
    done.push_back(end(*ended));
    io_uring_cqe_seen(&ring_, ended);
  }
  fill();
  submit_and_wait(0);
}

IoDone IoRing::end(const io_uring_cqe& ended) {
  const auto slot = static_cast<size_t>(ended.user_data);
  const IoRequest request = std::move(slots_[slot]);
  free_.push_back(slot);
  // The kernel could not do it without waiting, or the thread that started it has ended.
  if (ended.res == -EAGAIN || ended.res == -EINTR || ended.res == -ECANCELED)
    return carry_out(request);
  return {request.tag, ended.res};
}

}  // namespace bsr
