// dm-thin metadata made in memory: valid images with trees of any shape, which tests then damage.
#pragma once

#include <algorithm>
#include <array>
#include <map>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "formats/thin_btree.h"
#include "formats/thin_metadata.h"

namespace bsr {

/// Metadata blocks in memory. Notes what is read and announced, so that tests can say what was not.
class ThinMetadataImage final : public MetadataBlocks {
 public:
  ThinMetadataImage() = default;
  explicit ThinMetadataImage(ByteView bytes) {
    for (size_t at = 0; at + kMetadataBlockSize <= bytes.size(); at += kMetadataBlockSize)
      std::ranges::copy(bytes.subspan(at, kMetadataBlockSize), (*this)[add()].begin());
  }

  void read(uint64_t block, MetadataBlock into) override {
    ++reads;
    if (read_blocks.insert(block).second && !announced.contains(block)) ++reads_unannounced;
    std::ranges::copy(blocks_.at(block), into.begin());
  }
  void will_read(std::span<const uint64_t> blocks) override {
    most_at_once = std::max(most_at_once, blocks.size());
    announced.insert(blocks.begin(), blocks.end());
  }
  [[nodiscard]] uint64_t count() const override { return blocks_.size(); }

  /// A new block of zeros; returns where it is.
  uint64_t add() {
    blocks_.emplace_back();
    return blocks_.size() - 1;
  }
  [[nodiscard]] MetadataBlock operator[](uint64_t block) {
    return MetadataBlock(blocks_.at(block));
  }

  /// Changes a field of a block and leaves its checksum right.
  template <typename T>
  void patch(uint64_t block, size_t offset, T value, uint32_t salt = kNodeChecksumSalt) {
    store_le<T>((*this)[block], offset, value);
    seal(block, salt);
  }
  void seal(uint64_t block, uint32_t salt) {
    store_le<uint32_t>((*this)[block], 0, metadata_checksum((*this)[block], salt));
  }

  void drop_behind(uint64_t count) { blocks_.resize(count); }

  [[nodiscard]] Bytes bytes() const {
    Bytes all;
    for (const auto& block : blocks_) append(all, block);
    return all;
  }

  /// From here on.
  void forget_reads() {
    read_blocks.clear();
    announced.clear();
    reads = reads_unannounced = most_at_once = 0;
  }

  std::set<uint64_t> read_blocks;
  std::set<uint64_t> announced;
  uint64_t reads = 0;
  size_t reads_unannounced = 0;  // each block once
  size_t most_at_once = 0;       // blocks announced

 private:
  std::vector<std::array<std::byte, kMetadataBlockSize>> blocks_;
};

/// Thin block to data block << 24 | time.
using MappingValues = std::map<uint64_t, uint64_t>;

constexpr uint64_t mapping_value(uint64_t data_block, uint64_t time = 0) {
  return data_block << 24 | time;
}

/// Builds an image. The trees of two devices share every subtree that is equal in both, as
/// snapshots do. Nodes end behind keys that a hash picks, so that one changed key moves no other
/// boundary.
class ThinMetadataBuilder {
 public:
  struct Shape {
    uint64_t fanout = 100;     ///< entries in a node, on average; small ones make high trees
    bool share = true;         ///< false: no node is used twice
    unsigned loose_keys = 0;   ///< percent of child pointers with a key below the child's first
    unsigned copied = 0;       ///< percent of the shareable nodes that are written again
    unsigned full_thirds = 0;  ///< 1: nodes are at least as full as the kernel keeps them
    uint64_t salt = 0;         ///< picks other boundaries
  };

  explicit ThinMetadataBuilder(Shape shape, uint64_t data_blocks = 1 << 20,
                               uint32_t chunk_sectors = 128)
      : shape_(shape), data_blocks_(data_blocks), chunk_sectors_(chunk_sectors), dice_(shape.salt) {
    image_.add();
  }
  ThinMetadataBuilder() : ThinMetadataBuilder(Shape{}) {}

  void set_shape(Shape shape) { shape_ = shape; }

  /// Adds or replaces a device. Its transaction id is 100 + thin id, its creation time 10 + thin
  /// id, the time of its last snapshot 20 + thin id.
  void device(uint64_t thin_id, const MappingValues& mappings) {
    const auto id = static_cast<uint32_t>(thin_id);
    device({thin_id, mappings.size(), 100 + thin_id, 10 + id, 20 + id}, mappings);
  }
  void device(const ThinDevice& details, const MappingValues& mappings) {
    roots_[details.thin_id] = tree(mappings);
    details_[details.thin_id] = details;
  }

  /// Keeps what there is now as the pool's metadata snapshot, as reserve_metadata_snap does.
  void hold_metadata_snapshot() {
    held_root_ = image_.add();
    superblock(held_root_, true);
  }

  /// Writes the top levels and the superblock.
  ThinMetadataImage finish() {
    superblock(0, false);
    return image_;
  }

 private:
  struct Entry {
    uint64_t key;
    uint64_t last;  // the largest key below it
    Bytes value;
    auto operator<=>(const Entry&) const = default;
  };
  struct Node {
    uint32_t value_size;
    bool leaf;
    std::vector<Entry> entries;
    auto operator<=>(const Node&) const = default;
  };

  static Bytes packed(std::initializer_list<uint64_t> words) {
    Bytes bytes;
    for (const uint64_t word : words) append_le(bytes, word);
    return bytes;
  }

  uint64_t tree(const std::map<uint64_t, uint64_t>& values) {
    std::vector<Entry> entries;
    for (const auto& [key, value] : values) entries.push_back({key, key, packed({value})});
    return tree(std::move(entries), 8);
  }

  /// Returns the root.
  uint64_t tree(std::vector<Entry> entries, uint32_t leaf_value_size) {
    for (uint64_t level = 0;; ++level) {
      const bool leaf = level == 0;
      const uint32_t value_size = leaf ? leaf_value_size : 8;
      std::vector<Entry> parents;
      for (std::vector<Entry>& group : cut(std::move(entries), level, max_entries(value_size))) {
        const uint64_t lowest = parents.empty() ? 0 : parents.back().last + 1;
        parents.push_back(write({value_size, leaf, std::move(group)}, lowest));
      }
      if (parents.size() == 1) return load_le<uint64_t>(parents[0].value, 0);
      entries = std::move(parents);
    }
  }

  /// The entries of each node of one level.
  [[nodiscard]] std::vector<std::vector<Entry>> cut(std::vector<Entry> entries, uint64_t level,
                                                    size_t most) const {
    const size_t least = std::max<size_t>(shape_.full_thirds * most / 3, level == 0 ? 1 : 2);
    std::vector<std::vector<Entry>> groups(1);
    for (Entry& entry : entries) {
      const size_t size = groups.back().size();
      if (size == most || (size >= least && ends_before(entry.key, level))) groups.emplace_back();
      groups.back().push_back(std::move(entry));
    }
    if (groups.size() == 1 || groups.back().size() >= least) return groups;
    // The last one is too empty: it shares with its neighbour what both have.
    std::vector<Entry> both = std::move(groups[groups.size() - 2]);
    std::ranges::move(groups.back(), std::back_inserter(both));
    groups.pop_back();
    const auto middle = both.begin() + static_cast<std::ptrdiff_t>(both.size() / 2);
    if (both.size() <= most) {
      groups.back() = std::move(both);
    } else {
      groups.back().assign(both.begin(), middle);
      groups.emplace_back(middle, both.end());
    }
    return groups;
  }

  static uint32_t max_entries(uint32_t value_size) {
    return (uint32_t{kMetadataBlockSize} - 32) / (8 + value_size) / 3 * 3;
  }

  [[nodiscard]] bool ends_before(uint64_t key, uint64_t level) const {
    uint64_t hash = (key + shape_.salt + (level << 48)) * 0x9e3779b97f4a7c15;
    hash = (hash ^ (hash >> 29)) * 0xbf58476d1ce4e5b9;
    return (hash >> 32) % shape_.fanout == 0;
  }

  /// Writes or reuses a node; returns the pointer to it, whose key is at least `lowest`.
  Entry write(Node node, uint64_t lowest) {
    Entry pointer{0, 0, {}};
    if (!node.entries.empty()) pointer = {node.entries.front().key, node.entries.back().last, {}};
    if (roll(shape_.loose_keys)) pointer.key -= dice_() % (pointer.key - lowest + 1);
    const auto known = written_.find(node);
    if (known != written_.end() && shape_.share && !roll(shape_.copied)) {
      pointer.value = packed({known->second});
      return pointer;
    }
    const uint64_t block = image_.add();
    pointer.value = packed({block});
    fill(block, node);
    written_[std::move(node)] = block;
    return pointer;
  }

  void fill(uint64_t block, const Node& node) {
    const MetadataBlock bytes = image_[block];
    const uint32_t most = max_entries(node.value_size);
    store_le<uint32_t>(bytes, 4, node.leaf ? 2 : 1);
    store_le<uint64_t>(bytes, 8, block);
    store_le<uint32_t>(bytes, 16, static_cast<uint32_t>(node.entries.size()));
    store_le<uint32_t>(bytes, 20, most);
    store_le<uint32_t>(bytes, 24, node.value_size);
    for (size_t i = 0; i < node.entries.size(); ++i) {
      store_le<uint64_t>(bytes, 32 + 8 * i, node.entries[i].key);
      std::ranges::copy(node.entries[i].value, bytes.begin() + 32 + 8 * most + node.value_size * i);
    }
    image_.seal(block, kNodeChecksumSalt);
  }

  /// Writes the trees of devices, and a superblock for them. A metadata snapshot's has no space
  /// maps.
  void superblock(uint64_t block, bool is_snapshot) {
    std::vector<Entry> details;
    for (const auto& [thin_id, device] : details_)
      details.push_back({thin_id, thin_id,
                         packed({device.mapped_blocks, device.transaction_id,
                                 uint64_t{device.snapshotted_time} << 32 | device.creation_time})});
    const uint64_t details_root = tree(std::move(details), 24);
    const uint64_t mapping_root = tree(roots_);
    const MetadataBlock bytes = image_[block];
    store_le<uint64_t>(bytes, 8, block);
    store_le<uint64_t>(bytes, 32, 27022010);
    store_le<uint32_t>(bytes, 40, 2);
    store_le<uint64_t>(bytes, 48, 7);  // transaction
    store_le<uint64_t>(bytes, 56, is_snapshot ? 0 : held_root_);
    if (!is_snapshot) store_le<uint64_t>(bytes, 64, data_blocks_);
    store_le<uint64_t>(bytes, 320, mapping_root);
    store_le<uint64_t>(bytes, 328, details_root);
    store_le<uint32_t>(bytes, 336, chunk_sectors_);
    store_le<uint32_t>(bytes, 340, 8);
    image_.seal(block, kSuperblockChecksumSalt);
  }

  [[nodiscard]] bool roll(unsigned percent) { return percent > 0 && dice_() % 100 < percent; }

  ThinMetadataImage image_;
  Shape shape_;
  uint64_t data_blocks_;
  uint32_t chunk_sectors_;
  std::mt19937_64 dice_;
  std::map<Node, uint64_t> written_;
  std::map<uint64_t, uint64_t> roots_;  // of devices, by thin id
  std::map<uint64_t, ThinDevice> details_;
  uint64_t held_root_ = 0;
};

}  // namespace bsr
