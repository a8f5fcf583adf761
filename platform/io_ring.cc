#include "platform/io_ring.h"

#include <algorithm>
#include <cerrno>
#include <iterator>
#include <ranges>

#include "base/error.h"
#include "platform/stuck_io.h"

namespace bsr {

std::unique_ptr<IoRing> IoRing::open(size_t at_once) {
  io_uring ring;
  if (io_uring_queue_init(static_cast<unsigned>(at_once), &ring, 0) != 0) return nullptr;
  if ((ring.features & IORING_FEAT_EXT_ARG) == 0) {  // waits for ever only
    io_uring_queue_exit(&ring);
    return nullptr;
  }
  return std::unique_ptr<IoRing>(new IoRing(ring, at_once));
}

/// An error here ends the program: the kernel may still read into memory that others will get.
// NOLINTNEXTLINE(bugprone-exception-escape)
IoRing::~IoRing() {
  waiting_.clear();
  std::deque<IoDone> ended;
  for (StuckIo stuck({}); free_.size() < slots_.size();) {
    const size_t before = free_.size();
    collect(ended, std::nullopt);
    if (free_.size() == before) stuck.still_waiting(fd_under_way());
  }
  io_uring_queue_exit(&ring_);
}

void IoRing::start(std::vector<IoRequest> requests) {
  std::ranges::move(requests, std::back_inserter(waiting_));
  fill();
  submit();
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

void IoRing::submit() {
  int result = 0;
  do result = io_uring_submit(&ring_);
  while (result == -EINTR);
  // Short of memory for a moment: what it did not take it takes the next time.
  if (result < 0 && result != -EAGAIN && result != -EBUSY) fail_errno(-result, "io_uring");
}

/// Takes what submit() left, and returns when something has ended, or after a while.
void IoRing::wait_a_turn() {
  __kernel_timespec turn{.tv_sec = 0, .tv_nsec = std::chrono::nanoseconds(kTurn).count()};
  io_uring_cqe* ended = nullptr;
  const int result = io_uring_submit_and_wait_timeout(&ring_, &ended, 1, &turn, nullptr);
  if (result < 0 && result != -ETIME && result != -EINTR && result != -EAGAIN && result != -EBUSY)
    fail_errno(-result, "io_uring");
}

int IoRing::fd_under_way() const {
  for (size_t slot = 0; slot < slots_.size(); ++slot)
    if (std::ranges::find(free_, slot) == free_.end()) return slots_[slot].fd;
  return -1;
}

void IoRing::collect(std::deque<IoDone>& done, std::optional<uint64_t> /*wanted*/) {
  wait_a_turn();
  io_uring_cqe* ended = nullptr;
  while (io_uring_peek_cqe(&ring_, &ended) == 0) {
    done.push_back(end(*ended));
    io_uring_cqe_seen(&ring_, ended);
  }
  fill();
  submit();
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
