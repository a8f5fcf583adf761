// Delta sources made of others: the part within limits, and one behind the other.
#pragma once

#include <memory>
#include <utility>

#include "formats/delta.h"

namespace bsr {

/// The parts of a source's extents in [begin, end), in bytes.
class ClippedDelta final : public DeltaSource {
 public:
  ClippedDelta(std::unique_ptr<DeltaSource> source, uint64_t begin, uint64_t end)
      : source_(std::move(source)), begin_(begin), end_(end) {}

  std::optional<DeltaExtent> next() override {
    while (auto found = source_->next()) {
      if (found->extent.offset >= end_) break;
      if (const auto part = clip(found->extent, begin_, end_))
        return DeltaExtent{*part, found->kind};
    }
    return std::nullopt;
  }

 private:
  std::unique_ptr<DeltaSource> source_;
  uint64_t begin_;
  uint64_t end_;
};

/// First all of one source, then all of another whose extents lie behind.
class ChainedDelta final : public DeltaSource {
 public:
  ChainedDelta(std::unique_ptr<DeltaSource> first, std::unique_ptr<DeltaSource> second)
      : first_(std::move(first)), second_(std::move(second)) {}

  std::optional<DeltaExtent> next() override {
    if (first_) {
      if (auto found = first_->next()) return found;
      first_.reset();
    }
    return second_->next();
  }

 private:
  std::unique_ptr<DeltaSource> first_;  // null when it came to its end
  std::unique_ptr<DeltaSource> second_;
};

}  // namespace bsr
