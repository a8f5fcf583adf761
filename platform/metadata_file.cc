// A small cache, least recently used out first, and what is read into it ahead of its use.
#include "platform/metadata_file.h"

#include <algorithm>
#include <vector>

#include "platform/signals.h"

namespace bsr {

MetadataFile::MetadataFile(std::string path)
    : file_(std::move(path), BlockFile::Access::shared_read), cache_(kSlots * kMetadataBlockSize) {
  for (size_t index = 0; index < kSlots; ++index)
    slots_[index].place = replaceable_.insert(replaceable_.end(), index);
}

void MetadataFile::read(uint64_t block, MetadataBlock into) {
  if (const auto read = read_of(block)) finish(*read);
  const auto found = slot_of_.find(block);
  const size_t index = found != slot_of_.end() ? found->second : load(block);
  move(index, false);
  std::ranges::copy(memory_of(index), into.begin());
}

void MetadataFile::will_read(std::span<const uint64_t> blocks) {
  std::vector<uint64_t> missing;
  for (const uint64_t block : blocks)
    if (block < count() && !slot_of_.contains(block)) missing.push_back(block);
  std::ranges::sort(missing);
  missing.erase(std::unique(missing.begin(), missing.end()), missing.end());
  missing.resize(std::min(missing.size(), kAnnounced - announced_.size()));
  if (missing.empty()) return;

  std::vector<IoRequest> reads;  // adjacent blocks are one
  for (const uint64_t block : missing) {
    const MetadataBlock memory = memory_of(take_slot(block, true));
    if (reads.empty() || reads.back().tag + reads.back().pieces.size() != block)
      reads.push_back(
          {.fd = file_.fd_for_blocks(), .offset = block * kMetadataBlockSize, .tag = block});
    reads.back().pieces.push_back({memory.data(), memory.size()});
  }
  for (const IoRequest& read : reads) under_way_.emplace(read.tag, read.pieces.size());
  reads_.start(std::move(reads));
}

void MetadataFile::forget(uint64_t block) {
  if (const auto read = read_of(block)) finish(*read);
  if (slot_of_.contains(block)) give_back(block);
}

MetadataBlock MetadataFile::memory_of(size_t index) {
  return MetadataBlock(cache_.data() + index * kMetadataBlockSize, kMetadataBlockSize);
}

size_t MetadataFile::load(uint64_t block) {
  throw_if_stopped();  // a walk over a large tree may yield one extent in many seconds
  const size_t index = take_slot(block, false);
  try {
    file_.read(block * kMetadataBlockSize, memory_of(index));
  } catch (...) {
    give_back(block);
    throw;
  }
  return index;
}

/// For a block that has none.
size_t MetadataFile::take_slot(uint64_t block, bool announced) {
  const size_t index = replaceable_.front();  // there is one: not all can be announced
  if (slots_[index].block) slot_of_.erase(*slots_[index].block);
  slots_[index].block = block;
  slot_of_.emplace(block, index);
  move(index, announced);
  return index;
}

void MetadataFile::give_back(uint64_t block) {
  const auto found = slot_of_.find(block);
  slots_[found->second].block.reset();
  move(found->second, false);
  slot_of_.erase(found);
}

/// To the end of the slots that are announced, or that can be replaced.
void MetadataFile::move(size_t index, bool announced) {
  Slot& slot = slots_[index];
  std::list<size_t>& from = slot.announced ? announced_ : replaceable_;
  std::list<size_t>& to = announced ? announced_ : replaceable_;
  to.splice(to.end(), from, slot.place);
  slot.announced = announced;
}

std::optional<uint64_t> MetadataFile::read_of(uint64_t block) const {
  const auto behind = under_way_.upper_bound(block);
  if (behind == under_way_.begin()) return std::nullopt;
  const auto& [first, blocks] = *std::prev(behind);
  if (block - first >= blocks) return std::nullopt;
  return first;
}

/// What failed is read again when it is needed, and the error shows then.
void MetadataFile::finish(uint64_t first) {
  throw_if_stopped();
  const ssize_t result = reads_.wait_for(first).result;
  const auto request = under_way_.find(first);
  const auto bytes = static_cast<uint64_t>(std::max<ssize_t>(result, 0));
  for (uint64_t n = bytes / kMetadataBlockSize; n < request->second; ++n) give_back(first + n);
  under_way_.erase(request);
}

}  // namespace bsr
