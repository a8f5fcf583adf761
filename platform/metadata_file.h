// The blocks of thin metadata in a file or device.
#pragma once

#include <array>
#include <string>
#include <unordered_map>

#include "base/aligned_bytes.h"
#include "formats/thin_btree.h"
#include "platform/block_io.h"

namespace bsr {

/// Reads past the page cache where the file system allows it: the kernel writes a pool's metadata
/// past it too, so that pages cached earlier would be stale. Keeps the blocks that were used last,
/// a mebibyte of them, so the upper levels of trees are read once. A pool that is in use may have
/// it open too. Serves one thread.
class MetadataFile final : public MetadataBlocks {
 public:
  /// Throws Error naming the path, as do all reads; they throw {interrupted}, too.
  explicit MetadataFile(std::string path);

  void read(uint64_t block, MetadataBlock into) override;
  [[nodiscard]] uint64_t count() const override { return file_.size() / kMetadataBlockSize; }
  [[nodiscard]] const std::string& path() const { return file_.path(); }

 private:
  static constexpr size_t kSlots = 256;

  [[nodiscard]] MetadataBlock slot(size_t index);
  size_t load(uint64_t block);

  BlockFile file_;
  AlignedBytes cache_;
  std::unordered_map<uint64_t, size_t> slot_of_;  // by block
  std::array<uint64_t, kSlots> block_in_{};       // means nothing where used_at_ is 0
  std::array<uint64_t, kSlots> used_at_{};        // 0: free
  uint64_t clock_ = 0;                            // counts reads
};

}  // namespace bsr
