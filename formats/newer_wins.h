// Two ascending lists as one, in which the newer one counts.
#pragma once

#include <functional>
#include <optional>
#include <utility>

#include "base/extent.h"

namespace bsr {

/// What `newer` names, as it says, and what only `older` names. The items of each ascend without
/// overlap; they have an `extent`, and part_of(item, extent) is what an item says of a part of it.
/// Holds one item of each.
template <typename Item>
class NewerWins {
 public:
  /// The next item, or nullopt at the end; what an item refers to lives until the next call.
  using Source = std::function<std::optional<Item>()>;

  NewerWins(Source older, Source newer) : older_(std::move(older)), newer_(std::move(newer)) {}

  std::optional<Item> next() {
    if (!older_ahead_) older_ahead_ = older_();
    skip_covered();
    if (!newer_ahead_) newer_ahead_ = newer_();
    const uint64_t newer_begins = newer_ahead_ ? newer_ahead_->extent.offset : UINT64_MAX;
    if (older_ahead_ && older_ahead_->extent.offset < newer_begins) return take_older(newer_begins);
    if (newer_ahead_) covered_ = newer_ahead_->extent.end();
    return std::exchange(newer_ahead_, std::nullopt);
  }

 private:
  void skip_covered() {
    while (older_ahead_ && older_ahead_->extent.end() <= covered_) older_ahead_ = older_();
    if (older_ahead_) drop_older(covered_);
  }

  void drop_older(uint64_t end) {
    const Extent extent = older_ahead_->extent;
    older_ahead_ = part_of(*older_ahead_, *clip(extent, end, UINT64_MAX));
  }

  std::optional<Item> take_older(uint64_t end) {
    if (older_ahead_->extent.end() <= end) return std::exchange(older_ahead_, std::nullopt);
    const Item part = part_of(*older_ahead_, *clip(older_ahead_->extent, 0, end));
    drop_older(end);
    return part;
  }

  Source older_;
  Source newer_;
  std::optional<Item> older_ahead_;
  std::optional<Item> newer_ahead_;
  uint64_t covered_ = 0;  // `newer` has spoken about everything below that it names
};

}  // namespace bsr
