#include "bsr-stream/place_index.h"

#include <algorithm>

namespace bsr {
namespace {

constexpr size_t kBlockParts = 256;

std::optional<DeltaExtent> first_among(std::span<const DeltaExtent> parts, uint64_t offset) {
  const auto found = std::ranges::upper_bound(
      parts, offset, {}, [](const DeltaExtent& part) { return part.extent.end(); });
  if (found == parts.end()) return std::nullopt;
  return *found;
}

}  // namespace

void PlaceIndex::append(const DeltaExtent& part) {
  if (!last_.empty() && last_.back().kind == part.kind &&
      last_.back().extent.end() == part.extent.offset) {
    last_.back().extent.length += part.extent.length;
    return;
  }
  if (last_.size() == kBlockParts) {
    if (!file_) file_.emplace();
    file_->write(blocks_ * kBlockParts * sizeof part, std::as_bytes(std::span(last_)));
    ++blocks_;
    last_.clear();
  }
  last_.push_back(part);
}

std::vector<DeltaExtent> PlaceIndex::read(uint64_t number, size_t count) const {
  std::vector<DeltaExtent> parts(count);
  file_->read(number * sizeof(DeltaExtent), std::as_writable_bytes(std::span(parts)));
  return parts;
}

/// The first block that ends behind `offset`, or the number of blocks.
uint64_t PlaceIndex::block_with(uint64_t offset) const {
  uint64_t first = 0;
  for (uint64_t count = blocks_; count > 0;) {
    const uint64_t half = count / 2;
    const uint64_t last_part = (first + half + 1) * kBlockParts - 1;
    if (read(last_part, 1).front().extent.end() > offset) {
      count = half;
    } else {
      first += half + 1;
      count -= half + 1;
    }
  }
  return first;
}

std::optional<DeltaExtent> PlaceIndex::first_behind(uint64_t offset) {
  const bool within = !block_.empty() && offset >= block_.front().extent.offset &&
                      offset < block_.back().extent.end();
  if (!within) {
    const uint64_t block = block_with(offset);
    if (block == blocks_) return first_among(last_, offset);
    block_ = read(block * kBlockParts, kBlockParts);
  }
  return first_among(block_, offset);
}

}  // namespace bsr
