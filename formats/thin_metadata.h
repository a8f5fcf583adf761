// Read-only view of a thin pool's metadata: the pool's numbers, its devices, and what each device
// maps.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "formats/thin_btree.h"

namespace bsr {

/// Which state of the pool is read. Only the metadata snapshot stands still while the pool is in
/// use.
enum class MetadataState {
  current,   ///< what the last commit wrote; for pools that nobody uses, and for copies
  snapshot,  ///< what the pool's metadata snapshot holds
};

struct ThinDevice {
  uint64_t thin_id = 0;
  uint64_t mapped_blocks = 0;   ///< data blocks
  uint64_t transaction_id = 0;  ///< of the pool, when the device was made
  uint32_t creation_time = 0;   ///< the pool's snapshot counter, not a clock
  uint32_t snapshotted_time = 0;

  friend bool operator==(const ThinDevice&, const ThinDevice&) = default;
};

/// Everything is checked when it is read, and damage is Error{corrupt} naming the metadata block;
/// failures of `blocks` pass through. `blocks` must outlive the view and whatever was made from it.
class ThinMetadata {
 public:
  /// Reads the superblock. Throws Error{failed} when the metadata snapshot is asked for and there
  /// is none, Error{unsupported} for a version or feature this program does not know.
  ThinMetadata(MetadataBlocks& blocks, MetadataState state);

  /// Bytes in a data block: a multiple of 64 KiB, at most 1 GiB.
  [[nodiscard]] uint64_t chunk_size() const { return chunk_size_; }

  /// Data blocks in the pool: every mapping points below it, and the end of the last in bytes fits
  /// 63 bits.
  [[nodiscard]] uint64_t data_blocks() const { return data_blocks_; }
  [[nodiscard]] uint64_t transaction_id() const { return transaction_id_; }

  /// All devices, ascending by thin id; 24 bits of id bound their number.
  [[nodiscard]] std::vector<ThinDevice> devices() const;

  /// nullopt: the pool has no such device.
  [[nodiscard]] std::optional<ThinDevice> device(uint64_t thin_id) const;

  /// Where the mapping tree of a device starts. Throws Error{failed} when the pool has no such
  /// device.
  [[nodiscard]] uint64_t mapping_root(uint64_t thin_id) const;

  /// Bytes up to the end of the last chunk that a device maps; its real size is nowhere in the
  /// metadata. Throws as mapping_root().
  [[nodiscard]] uint64_t mapped_end(uint64_t thin_id) const;

  [[nodiscard]] MetadataBlocks& blocks() const { return blocks_; }

 private:
  void read_superblock(MetadataState state);

  MetadataBlocks& blocks_;
  uint64_t chunk_size_ = 0;
  uint64_t data_blocks_ = 0;
  uint64_t transaction_id_ = 0;
  uint64_t mapping_root_ = 0;
  uint64_t details_root_ = 0;
};

struct ThinMapping {
  uint64_t thin_block = 0;
  uint64_t data_block = 0;

  friend bool operator==(const ThinMapping&, const ThinMapping&) = default;
};

/// What one device maps, ascending by thin block. Throws Error{corrupt} for a damaged tree, a data
/// block that the pool does not have, or a thin block that no device can have.
class MappingCursor {
 public:
  MappingCursor(const ThinMetadata& metadata, uint64_t thin_id);

  /// The next mapping, or nullopt at the end.
  std::optional<ThinMapping> next();

  /// Drops all mappings below `thin_block` from here on, in O(tree height); never goes back.
  void seek(uint64_t thin_block) { tree_.seek(thin_block); }

  /// For those who walk two trees at once: the tree, and the mapping it stands on (needs level 0).
  [[nodiscard]] BTreeCursor& tree() { return tree_; }
  [[nodiscard]] const BTreeCursor& tree() const { return tree_; }
  [[nodiscard]] ThinMapping mapping() const;
  /// When that was written, by the pool's snapshot counter.
  [[nodiscard]] uint32_t time() const;

 private:
  BTreeCursor tree_;
  uint64_t thin_blocks_;  // all thin blocks lie below it
  uint64_t data_blocks_;
};

}  // namespace bsr
