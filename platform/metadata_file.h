// The blocks of thin metadata in a file or device.
#pragma once

#include <array>
#include <list>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>

#include "base/aligned_bytes.h"
#include "formats/thin_btree.h"
#include "platform/block_io.h"
#include "platform/io_queue.h"

namespace bsr {

/// Reads past the page cache where the file system allows it: the kernel writes a pool's metadata
/// past it too, so that pages cached earlier would be stale. Keeps a mebibyte of blocks: those
/// that were used last, so that the upper levels of trees are read once, and those that will_read()
/// announced, three quarters at most, which are read many at once and stay until they were used. A
/// pool that is in use may have it open too. Serves one thread.
class MetadataFile final : public MetadataBlocks {
 public:
  /// Throws Error naming the path, as do all reads; they throw {interrupted}, too.
  explicit MetadataFile(std::string path);

  void read(uint64_t block, MetadataBlock into) override;
  void will_read(std::span<const uint64_t> blocks) override;
  void forget(uint64_t block) override;
  [[nodiscard]] uint64_t count() const override { return file_.size() / kMetadataBlockSize; }
  [[nodiscard]] const std::string& path() const { return file_.path(); }

 private:
  static constexpr size_t kSlots = 256;
  static constexpr size_t kAnnounced = 192;  // at most

  struct Slot {
    std::optional<uint64_t> block;
    bool announced = false;  // under way, or read and not used yet
    std::list<size_t>::iterator place = {};
  };

  [[nodiscard]] MetadataBlock memory_of(size_t index);
  size_t load(uint64_t block);
  size_t take_slot(uint64_t block, bool announced);
  void give_back(uint64_t block);
  void move(size_t index, bool announced);
  [[nodiscard]] std::optional<uint64_t> read_of(uint64_t block) const;
  void finish(uint64_t first);

  BlockFile file_;
  AlignedBytes cache_;
  std::array<Slot, kSlots> slots_;
  std::list<size_t> replaceable_;                 // slots, the next to be taken first
  std::list<size_t> announced_;                   // slots
  std::unordered_map<uint64_t, size_t> slot_of_;  // by block
  std::map<uint64_t, uint64_t> under_way_;        // first block to number of blocks, of each read
  IoQueue reads_{128};                            // into the cache: it ends first
};

}  // namespace bsr
