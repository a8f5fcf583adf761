// A small cache, least recently used out first.
#include "platform/metadata_file.h"

#include <algorithm>

#include "platform/signals.h"

namespace bsr {

MetadataFile::MetadataFile(std::string path)
    : file_(std::move(path), BlockFile::Access::shared_read), cache_(kSlots * kMetadataBlockSize) {}

void MetadataFile::read(uint64_t block, MetadataBlock into) {
  const auto found = slot_of_.find(block);
  const size_t index = found != slot_of_.end() ? found->second : load(block);
  used_at_[index] = ++clock_;
  std::ranges::copy(slot(index), into.begin());
}

MetadataBlock MetadataFile::slot(size_t index) {
  return MetadataBlock(cache_.data() + index * kMetadataBlockSize, kMetadataBlockSize);
}

size_t MetadataFile::load(uint64_t block) {
  throw_if_stopped();  // a walk over a large tree may yield one extent in many seconds
  // Cheap next to a read.
  const auto index = static_cast<size_t>(std::ranges::min_element(used_at_) - used_at_.begin());
  if (used_at_[index] != 0) slot_of_.erase(block_in_[index]);
  used_at_[index] = 0;  // and stays free when the read fails
  file_.read(block * kMetadataBlockSize, slot(index));
  block_in_[index] = block;
  slot_of_.emplace(block, index);
  return index;
}

}  // namespace bsr
