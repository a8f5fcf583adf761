// Requests carried out by the kernel's io_uring.
#pragma once

#include <liburing.h>

#include "platform/io_queue.h"

namespace bsr {

class IoRing final : public IoCarrier {
 public:
  /// Null: the system has none, or forbids it.
  [[nodiscard]] static std::unique_ptr<IoRing> open(size_t at_once);
  ~IoRing() override;
  IoRing(const IoRing&) = delete;
  IoRing& operator=(const IoRing&) = delete;

  void start(std::vector<IoRequest> requests) override;

  /// Throws Error when the kernel takes or gives nothing any more.
  void collect(std::deque<IoDone>& done, std::optional<uint64_t> wanted) override;

 private:
  IoRing(const io_uring& ring, size_t at_once) : ring_(ring), slots_(at_once) {
    for (size_t slot = 0; slot < at_once; ++slot) free_.push_back(slot);
  }
  void fill();
  void submit();
  void wait_a_turn();
  [[nodiscard]] int fd_under_way() const;
  [[nodiscard]] IoDone end(const io_uring_cqe& ended);

  io_uring ring_;
  std::deque<IoRequest> waiting_;
  std::vector<IoRequest> slots_;  // what the kernel has
  std::vector<size_t> free_;      // of the slots
};

}  // namespace bsr
