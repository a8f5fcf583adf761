// Reads and writes that are carried out only when somebody waits for them.
#pragma once

#include <algorithm>
#include <utility>

#include "platform/io_queue.h"

namespace bsr {

/// As late as a disk may be; the last one that was started first.
class LazyCarrier final : public IoCarrier {
 public:
  /// `most`: bytes that one request carries out.
  explicit LazyCarrier(size_t most = SIZE_MAX) : most_(most) {}

  void start(std::vector<IoRequest> requests) override {
    std::ranges::move(requests, std::back_inserter(waiting_));
  }

  void collect(std::deque<IoDone>& done, std::optional<uint64_t> /*wanted*/) override {
    for (; !waiting_.empty(); waiting_.pop_back()) {
      IoRequest& request = waiting_.back();
      for (iovec& piece : request.pieces) piece.iov_len = std::min(piece.iov_len, most_);
      done.push_back(carry_out(request));
    }
  }

 private:
  size_t most_;
  std::vector<IoRequest> waiting_;
};

}  // namespace bsr
