// Checks and walks the nodes of dm's B+trees. Layout of a node, little-endian: checksum u32, flags
// u32, block u64, entries u32, maximum of entries u32, value size u32, padding u32, all the keys
// u64, then all the values.
#include "formats/thin_btree.h"

#include <algorithm>

#include "base/error.h"
#include "formats/crc32c.h"

namespace bsr {
namespace {

constexpr size_t kBlockOffset = 8;
constexpr size_t kFlagsOffset = 4;
constexpr size_t kEntriesOffset = 16;
constexpr size_t kMaxEntriesOffset = 20;
constexpr size_t kValueSizeOffset = 24;
constexpr size_t kKeysOffset = 32;
constexpr size_t kKeySize = 8;
constexpr uint32_t kInternalFlag = 1;
constexpr uint32_t kLeafFlag = 2;

// The kernel keeps nodes at least a third full (84 entries), so five levels hold more than any pool
// can.
constexpr uint32_t kMaxHeight = 16;

}  // namespace

uint32_t metadata_checksum(ByteView block, uint32_t salt) {
  return crc32c_update(~uint32_t{0}, block.subspan(sizeof(uint32_t))) ^ salt;
}

void read_metadata_block(MetadataBlocks& blocks, uint64_t block, uint32_t salt,
                         MetadataBlock into) {
  if (block >= blocks.count())
    fail(ErrorKind::corrupt, "metadata block {} lies outside of the metadata ({} blocks)", block,
         blocks.count());
  blocks.read(block, into);
  if (load_le<uint32_t>(into, 0) != metadata_checksum(into, salt))
    fail(ErrorKind::corrupt, "metadata block {}: wrong checksum", block);
  if (const auto says = load_le<uint64_t>(into, kBlockOffset); says != block)
    fail(ErrorKind::corrupt, "metadata block {}: says it is block {}", block, says);
}

void BTreeNode::load(MetadataBlocks& blocks, uint64_t block, uint32_t leaf_value_size,
                     KeyRange range, bool is_root) {
  // Zero is what an unset pointer holds; the superblock must not be taken for a node.
  if (block == 0) fail(ErrorKind::corrupt, "metadata block 0 (the superblock) is used as a node");
  read_metadata_block(blocks, block, kNodeChecksumSalt, bytes_);
  block_ = block;
  range_ = range;
  check_header(leaf_value_size, is_root);
  check_keys();
}

void BTreeNode::check_header(uint32_t leaf_value_size, bool is_root) {
  const auto flags = load_le<uint32_t>(bytes_, kFlagsOffset);
  if (flags != kInternalFlag && flags != kLeafFlag)
    fail(ErrorKind::corrupt, "metadata block {}: neither an internal node nor a leaf (flags {:#x})",
         block_, flags);
  is_leaf_ = flags == kLeafFlag;

  value_size_ = load_le<uint32_t>(bytes_, kValueSizeOffset);
  const uint32_t expected = is_leaf_ ? leaf_value_size : uint32_t{sizeof(uint64_t)};
  if (value_size_ != expected)
    fail(ErrorKind::corrupt, "metadata block {}: values of {} bytes where {} are expected", block_,
         value_size_, expected);

  size_ = load_le<uint32_t>(bytes_, kEntriesOffset);
  const auto max_size = load_le<uint32_t>(bytes_, kMaxEntriesOffset);
  if (max_size > (kMetadataBlockSize - kKeysOffset) / (kKeySize + value_size_) || size_ > max_size)
    fail(ErrorKind::corrupt, "metadata block {}: {} entries of at most {} do not fit", block_,
         size_, max_size);
  if (size_ == 0 && !(is_root && is_leaf_))
    fail(ErrorKind::corrupt, "metadata block {}: no entries", block_);
  values_offset_ = kKeysOffset + kKeySize * max_size;
}

void BTreeNode::check_keys() const {
  for (uint32_t i = 1; i < size_; ++i)
    if (key(i) <= key(i - 1))
      fail(ErrorKind::corrupt, "metadata block {}: key {} follows key {}", block_, key(i),
           key(i - 1));
  if (size_ > 0 && (key(0) < range_.first || key(size_ - 1) > range_.last))
    fail(ErrorKind::corrupt,
         "metadata block {}: keys {} to {} lie outside of {} to {}, which its parent gave it",
         block_, key(0), key(size_ - 1), range_.first, range_.last);
}

uint64_t BTreeNode::key(uint32_t index) const {
  return load_le<uint64_t>(bytes_, kKeysOffset + kKeySize * index);
}

uint64_t BTreeNode::child(uint32_t index) const { return load_le<uint64_t>(value(index), 0); }

ByteView BTreeNode::value(uint32_t index) const {
  return ByteView(bytes_).subspan(values_offset_ + size_t{value_size_} * index, value_size_);
}

KeyRange BTreeNode::child_range(uint32_t index) const {
  return {key(index), index + 1 < size_ ? key(index + 1) - 1 : range_.last};
}

uint32_t BTreeNode::lower_bound(uint64_t wanted) const {
  uint32_t begin = 0;
  uint32_t end = size_;
  while (begin < end) {
    const uint32_t middle = begin + (end - begin) / 2;
    if (key(middle) < wanted)
      begin = middle + 1;
    else
      end = middle;
  }
  return begin;
}

BTreeCursor::BTreeCursor(MetadataBlocks& blocks, uint64_t root, uint32_t leaf_value_size)
    : blocks_(blocks),
      root_(root),
      leaf_value_size_(leaf_value_size),
      height_(measure_height(root)) {
  path_.reserve(height_);
}

/// Nodes do not know their level, so the way down the left edge gives it to all the others.
uint32_t BTreeCursor::measure_height(uint64_t root) {
  BTreeNode node;
  node.load(blocks_, root, leaf_value_size_, KeyRange{}, true);
  uint32_t height = 1;
  for (; !node.is_leaf(); ++height) {
    if (height == kMaxHeight)
      fail(ErrorKind::corrupt,
           "the tree at metadata block {} has a loop: it is over {} levels high", root, kMaxHeight);
    const KeyRange range = node.child_range(0);
    node.load(blocks_, node.child(0), leaf_value_size_, range, false);
  }
  return height;
}

uint64_t BTreeCursor::key() const {
  if (path_.empty()) return first_key_;
  return std::max(first_key_, path_.back().node.key(path_.back().index));
}

uint64_t BTreeCursor::child() const {
  return path_.empty() ? root_ : path_.back().node.child(path_.back().index);
}

ByteView BTreeCursor::value() const { return path_.back().node.value(path_.back().index); }

uint64_t BTreeCursor::block() const { return path_.back().node.block(); }

void BTreeCursor::descend() {
  const uint64_t block = child();
  const bool is_root = path_.empty();
  const KeyRange range = is_root ? KeyRange{} : path_.back().node.child_range(path_.back().index);
  Step& step = path_.emplace_back();
  try {
    step.node.load(blocks_, block, leaf_value_size_, range, is_root);
    if (step.node.is_leaf() != (path_.size() == height_))
      fail(ErrorKind::corrupt, "metadata block {}: {} {} levels below the root of a tree of {}",
           block, step.node.is_leaf() ? "a leaf" : "an internal node", path_.size() - 1, height_);
  } catch (...) {
    path_.pop_back();
    throw;
  }
  enter(step);
  leave_finished();
}

void BTreeCursor::skip() {
  if (path_.empty())
    at_end_ = true;
  else
    ++path_.back().index;
  leave_finished();
}

/// A subtree is the same wherever it stands; a value is only with its key.
bool BTreeCursor::Step::same_as(const Step& other) const {
  if (!node.is_leaf())
    return !other.node.is_leaf() && node.child(index) == other.node.child(other.index);
  return other.node.is_leaf() && node.key(index) == other.node.key(other.index) &&
         std::ranges::equal(node.value(index), other.node.value(other.index));
}

bool BTreeCursor::at_same(const BTreeCursor& one, const BTreeCursor& other) {
  if (one.path_.empty() || other.path_.empty())
    return one.level() > 0 && other.level() > 0 && one.child() == other.child();
  return one.path_.back().same_as(other.path_.back());
}

void BTreeCursor::skip_same(BTreeCursor& one, BTreeCursor& other) {
  if (one.path_.empty() || other.path_.empty()) {
    one.skip();
    other.skip();
    return;
  }
  Step& step = one.path_.back();
  Step& other_step = other.path_.back();
  do {
    ++step.index;
    ++other_step.index;
  } while (step.index < step.node.size() && other_step.index < other_step.node.size() &&
           step.same_as(other_step));
  one.leave_finished();
  other.leave_finished();
}

void BTreeCursor::seek(uint64_t key) {
  if (key <= first_key_) return;
  first_key_ = key;
  while (!path_.empty() && path_.back().node.range().last < key) path_.pop_back();
  if (!path_.empty()) enter(path_.back());
  leave_finished();
}

bool BTreeCursor::to_value() {
  while (!at_end_ && level() > 0) descend();
  return !at_end_;
}

bool BTreeCursor::to_last_value() {
  path_.clear();
  while (!at_end_ && level() > 0) {
    descend();
    if (!at_end_) path_.back().index = path_.back().node.size() - 1;
  }
  return !at_end_;
}

/// Passes the entries of a node that cannot hold the first key or one behind it.
void BTreeCursor::enter(Step& step) const {
  uint32_t first = step.node.lower_bound(first_key_);
  if (!step.node.is_leaf() && first > 0 &&
      (first == step.node.size() || step.node.key(first) > first_key_))
    --first;
  step.index = std::max(step.index, first);
}

void BTreeCursor::leave_finished() {
  while (!path_.empty() && path_.back().index == path_.back().node.size()) {
    path_.pop_back();
    if (path_.empty())
      at_end_ = true;
    else
      ++path_.back().index;
  }
}

}  // namespace bsr
