// Reading the B+trees of dm's persistent-data library: one checked node, and a cursor over a whole
// tree.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

#include "base/bytes.h"

namespace bsr {

constexpr size_t kMetadataBlockSize = 4096;  // bytes; the kernel knows no other
using MetadataBlock = std::span<std::byte, kMetadataBlockSize>;

/// Where metadata blocks come from: a file, a device, or memory.
class MetadataBlocks {
 public:
  virtual ~MetadataBlocks() = default;

  /// Fills `into` with `block`, which is below count(). Throws Error when it cannot be read.
  virtual void read(uint64_t block, MetadataBlock into) = 0;

  /// A hint: these are about to be read. What is wrong with one of them shows when it is read, and
  /// not at all if it never is.
  virtual void will_read(std::span<const uint64_t> /*blocks*/) {}

  /// What was read of a block before counts no more: its owner may have written it meanwhile.
  virtual void forget(uint64_t /*block*/) {}

  /// How many blocks there are.
  [[nodiscard]] virtual uint64_t count() const = 0;
};

/// What a metadata block's first four bytes must hold. The salt tells kinds of blocks apart.
constexpr uint32_t kSuperblockChecksumSalt = 160774;
constexpr uint32_t kNodeChecksumSalt = 121107;
[[nodiscard]] uint32_t metadata_checksum(ByteView block, uint32_t salt);

/// Reads `block` and checks that it lies inside, is where it says it is and has its checksum.
/// Throws Error{corrupt} naming the block.
void read_metadata_block(MetadataBlocks& blocks, uint64_t block, uint32_t salt, MetadataBlock into);

/// The keys that a subtree may hold, both ends included.
struct KeyRange {
  uint64_t first = 0;
  uint64_t last = UINT64_MAX;
};

/// One node, which cannot be looked at before it was checked: checksum, kind, counts, value size,
/// and keys that ascend within what the parent promised.
class BTreeNode {
 public:
  /// Throws Error{corrupt} naming the block. A node without entries is only allowed for an empty
  /// tree's root.
  void load(MetadataBlocks& blocks, uint64_t block, uint32_t leaf_value_size, KeyRange range,
            bool is_root);

  [[nodiscard]] bool is_leaf() const { return is_leaf_; }
  [[nodiscard]] uint64_t block() const { return block_; }
  [[nodiscard]] uint32_t size() const { return size_; }
  [[nodiscard]] KeyRange range() const { return range_; }

  [[nodiscard]] uint64_t key(uint32_t index) const;
  [[nodiscard]] uint64_t child(uint32_t index) const;  ///< internal nodes only
  [[nodiscard]] ByteView value(uint32_t index) const;  ///< leaves only

  /// The keys that child `index` may hold.
  [[nodiscard]] KeyRange child_range(uint32_t index) const;

  /// The first entry whose key is not below `key`; size() when there is none.
  [[nodiscard]] uint32_t lower_bound(uint64_t key) const;

 private:
  void check_header(uint32_t leaf_value_size, bool is_root);
  void check_keys() const;

  std::array<std::byte, kMetadataBlockSize> bytes_;
  uint64_t block_ = 0;
  KeyRange range_;
  uint32_t size_ = 0;  // entries
  uint32_t value_size_ = 0;
  size_t values_offset_ = 0;
  bool is_leaf_ = false;
};

/// Walks one tree in key order and stands on an entry at some level: 0 is a key with its value; at
/// any other level it is a child pointer whose subtree the caller enters with descend() or passes
/// with skip(). It starts on the pointer to the root. Memory is O(height). Since every node must be
/// non-empty and within its parent's range, no block can be met twice, so damage ends in an error,
/// never in a loop. `blocks` must outlive the cursor.
class BTreeCursor {
 public:
  BTreeCursor(MetadataBlocks& blocks, uint64_t root, uint32_t leaf_value_size);

  [[nodiscard]] bool at_end() const { return at_end_; }

  /// The calls below need !at_end().
  [[nodiscard]] uint32_t level() const { return height_ - static_cast<uint32_t>(path_.size()); }

  /// At level 0 the key, else a lower bound of all keys from here on.
  [[nodiscard]] uint64_t key() const;
  [[nodiscard]] uint64_t child() const;  ///< needs level() > 0
  [[nodiscard]] ByteView value() const;  ///< needs level() == 0; valid until the cursor moves
  [[nodiscard]] uint64_t block()
      const;  ///< the node that the entry stands in; needs level() below that of the root

  /// Enters the subtree (needs level() > 0). Throws Error{corrupt}.
  void descend();

  /// Goes to the next entry of this or a higher level.
  void skip();

  /// Whether both stand on the same: a child, or a key with its value.
  [[nodiscard]] static bool at_same(const BTreeCursor& one, const BTreeCursor& other);

  /// Passes, in both, the entry at hand, which is the same, and those behind it in the same two
  /// nodes as long as they are the same too.
  static void skip_same(BTreeCursor& one, BTreeCursor& other);

  /// Drops all entries below `key` from here on; never goes back. Reads nothing.
  void seek(uint64_t key);

  /// Descends until it stands on a value. False: there is none left. Throws Error{corrupt}.
  bool to_value();

  /// Goes to the last value of the tree. False: there is none. Throws Error{corrupt}.
  bool to_last_value();

 private:
  struct Step {
    BTreeNode node;
    uint32_t index = 0;

    [[nodiscard]] bool same_as(const Step& other) const;
  };

  [[nodiscard]] uint32_t measure_height(uint64_t root);
  void enter(Step& step) const;
  void leave_finished();

  MetadataBlocks& blocks_;
  uint64_t root_;
  uint32_t leaf_value_size_;
  uint32_t height_;         // levels of nodes; 1 when the root is a leaf
  uint64_t first_key_ = 0;  // entries below it do not exist for this cursor
  std::vector<Step> path_;  // from the root down; never reallocates
  bool at_end_ = false;
};

}  // namespace bsr
