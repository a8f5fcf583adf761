#include "platform/gathered_leaves.h"

#include <algorithm>
#include <cstring>
#include <system_error>

#include "base/error.h"

namespace bsr {

GatheredLeaves::GatheredLeaves(uint64_t volume_size, unsigned threads, VolumeReader* rest)
    : volume_size_(volume_size), rest_(rest), whole_(threads + 1) {
  try {
    records_.emplace();
    for (unsigned i = 0; i < threads; ++i)
      threads_.emplace_back([this] {
        while (const std::optional<Whole> leaf = whole_.pop()) hash(*leaf);
      });
  } catch (const std::system_error&) {  // fewer do
  } catch (const Error&) {              // no room for the file
    failed_ = true;
  }
}

/// What lies behind the end of the volume is of no leaf.
bool GatheredLeaves::takes(const Extent& extent) const {
  return !failed_ && extent.offset <= volume_size_ && extent.length <= volume_size_ - extent.offset;
}

void GatheredLeaves::add(Extent extent, ByteView bytes) {
  if (!takes(extent)) return;
  while (extent.length > 0) {
    const uint64_t length = std::min(extent.length, kLeafSize - extent.offset % kLeafSize);
    add_to_leaf({extent.offset, length}, bytes.first(length));
    bytes = bytes.subspan(length);
    extent = {extent.offset + length, extent.length - length};
  }
}

void GatheredLeaves::add_zeros(Extent extent) {
  if (!takes(extent)) return;
  const auto add_part_below = [&](uint64_t end) {
    const uint64_t length = std::min(extent.end(), end) - extent.offset;
    if (length > 0) add_to_leaf({extent.offset, length}, std::nullopt);
    extent = {extent.offset + length, extent.length - length};
  };
  add_part_below((extent.offset + kLeafSize - 1) / kLeafSize * kLeafSize);
  const uint64_t first = extent.offset / kLeafSize;
  const uint64_t end =
      extent.end() == volume_size_ ? leaf_count(volume_size_) : extent.end() / kLeafSize;
  if (extent.length > 0 && first < end) {
    add_zero_leaves(first, end);
    const uint64_t done = std::min(extent.end(), end * kLeafSize);
    extent = {done, extent.end() - done};
  }
  add_part_below(extent.end());
}

void GatheredLeaves::add_to_leaf(Extent extent, std::optional<ByteView> bytes) {
  const uint64_t number = extent.offset / kLeafSize;
  const Extent all = leaf_extent(number, volume_size_);
  while (rest_ != nullptr && !parts_.empty() && parts_.begin()->first < number)
    read_rest(parts_.begin());
  const auto found = parts_.try_emplace(number).first;
  Part& part = found->second;
  if (part.bytes.empty()) {
    part.bytes.resize(all.length);
    part.missing = all.length;
  }
  // Other ways to say it go byte by byte: a third of the processor time.
  std::byte* const to = part.bytes.data() + (extent.offset - all.offset);
  if (bytes)
    std::memcpy(to, bytes->data(), extent.length);
  else
    std::memset(to, 0, extent.length);
  part.missing -= std::min(part.missing, extent.length);
  if (rest_ != nullptr) part.came.push_back(extent);
  if (part.missing == 0)
    take_whole(found);
  else if (parts_.size() > kPartsKept)
    parts_.erase(parts_.begin());
}

void GatheredLeaves::take_whole(Parts::iterator part) {
  Whole whole{part->first, std::move(part->second.bytes)};
  parts_.erase(part);
  if (threads_.empty())
    hash(whole);
  else
    whole_.push(std::move(whole));
}

void GatheredLeaves::read_rest(Parts::iterator part) {
  const Extent all = leaf_extent(part->first, volume_size_);
  const std::span bytes(part->second.bytes);
  std::vector<ReadRequest> gaps;
  uint64_t cursor = all.offset;
  const auto gap_before = [&](uint64_t offset) {
    if (cursor < offset)
      gaps.push_back({cursor, bytes.subspan(cursor - all.offset, offset - cursor)});
  };
  for (const Extent& came : part->second.came) {
    gap_before(came.offset);
    cursor = came.end();
  }
  gap_before(all.end());
  read_all(*rest_, gaps);
  take_whole(part);
}

void GatheredLeaves::add_zero_leaves(uint64_t first, uint64_t end) {
  const auto behind = zero_leaves_.upper_bound(first);
  if (behind != zero_leaves_.begin() && std::prev(behind)->second == first)
    std::prev(behind)->second = end;
  else if (zero_leaves_.size() < kZeroRunsKept)
    zero_leaves_.emplace(first, end);
}

bool GatheredLeaves::is_zero_leaf(uint64_t number) const {
  const auto behind = zero_leaves_.upper_bound(number);
  return behind != zero_leaves_.begin() && number < std::prev(behind)->second;
}

/// A record that cannot be written must not be missed by who looks for what is there.
void GatheredLeaves::hash(const Whole& leaf) noexcept try {
  Bytes record = {std::byte{1}};
  append(record, leaf_digest(leaf.bytes));
  records_->write(leaf.number * kRecordSize, record);
} catch (...) {
  failed_ = true;
}

void GatheredLeaves::finish() {
  while (rest_ != nullptr && !parts_.empty()) read_rest(parts_.begin());
  join();
  parts_.clear();
}

void GatheredLeaves::join() {
  whole_.close();
  threads_.clear();
}

std::optional<Digest> GatheredLeaves::leaf(uint64_t number) {
  if (failed_) return std::nullopt;
  if (is_zero_leaf(number)) return Digest{};
  if (number < first_read_ || number - first_read_ >= read_.size() / kRecordSize) {
    read_.resize(kRecordsRead * kRecordSize);
    const size_t got = records_->read(number * kRecordSize, read_);
    std::fill(read_.begin() + static_cast<std::ptrdiff_t>(got), read_.end(), std::byte{0});
    first_read_ = number;
  }
  const auto record =
      read_.begin() + static_cast<std::ptrdiff_t>((number - first_read_) * kRecordSize);
  if (*record == std::byte{0}) return std::nullopt;
  Digest digest;
  std::copy_n(record + 1, digest.size(), digest.begin());
  return digest;
}

}  // namespace bsr
