// One walk over one tree, and one over two at once.
#include "formats/thin_tree_delta.h"

#include "base/error.h"
#include "formats/merged_delta.h"

namespace bsr {
namespace {

/// The thin blocks that overlap a range of bytes.
struct BlockRange {
  uint64_t first;
  uint64_t end;
};

BlockRange blocks_of(uint64_t begin, uint64_t end, uint64_t chunk_size) {
  if (begin >= end) return {0, 0};
  return {begin / chunk_size, end / chunk_size + (end % chunk_size != 0 ? 1 : 0)};
}

/// Yields the mapped blocks of one device, one by one.
class MappedBlocks final : public DeltaSource {
 public:
  MappedBlocks(const ThinMetadata& metadata, uint64_t thin_id, BlockRange range)
      : cursor_(metadata, thin_id), end_(range.end), chunk_size_(metadata.chunk_size()) {
    cursor_.seek(range.first);
  }

  std::optional<DeltaExtent> next() override {
    // The key of an inner entry is a lower bound, so subtrees behind the range are not entered.
    while (!cursor_.tree().at_end() && cursor_.tree().key() < end_) {
      if (cursor_.tree().level() > 0) {
        cursor_.tree().descend();
        continue;
      }
      const uint64_t block = cursor_.mapping().thin_block;
      cursor_.tree().skip();
      return DeltaExtent{{block * chunk_size_, chunk_size_}, DeltaKind::data};
    }
    return std::nullopt;
  }

 private:
  MappingCursor cursor_;
  uint64_t end_;
  uint64_t chunk_size_;
};

/// Yields the blocks that differ between two devices, one by one.
///
/// Two cursors move in step. Where both stand on the same metadata block, all below it is the same
/// and is passed unread. Else the one with the smaller key goes on, because the other cannot meet
/// that key any more; with equal keys the one that stands higher, so that both come to the same
/// level.
class DifferingBlocks final : public DeltaSource {
 public:
  DifferingBlocks(const ThinMetadata& metadata, uint64_t base_thin_id, uint64_t target_thin_id,
                  BlockRange range)
      : base_(metadata, base_thin_id),
        target_(metadata, target_thin_id),
        end_(range.end),
        chunk_size_(metadata.chunk_size()) {
    base_.seek(range.first);
    target_.seek(range.first);
  }

  std::optional<DeltaExtent> next() override {
    for (;;) {
      std::optional<uint64_t> block;
      switch (whose_turn()) {
        case Turn::base:
          if ((block = advance(base_))) return extent(*block, DeltaKind::unmap);
          break;
        case Turn::target:
          if ((block = advance(target_))) return extent(*block, DeltaKind::data);
          break;
        case Turn::both:
          if ((block = advance_both())) return extent(*block, DeltaKind::data);
          break;
        case Turn::none:
          return std::nullopt;
      }
    }
  }

 private:
  enum class Turn { base, target, both, none };

  [[nodiscard]] bool in_range(const BTreeCursor& tree) const {
    return !tree.at_end() && tree.key() < end_;
  }

  [[nodiscard]] Turn whose_turn() const {
    const BTreeCursor& base = base_.tree();
    const BTreeCursor& target = target_.tree();
    if (!in_range(base)) return in_range(target) ? Turn::target : Turn::none;
    if (!in_range(target)) return Turn::base;
    if (is_shared(base, target)) return Turn::both;
    if (base.key() != target.key()) return base.key() < target.key() ? Turn::base : Turn::target;
    if (base.level() != target.level())
      return base.level() > target.level() ? Turn::base : Turn::target;
    return Turn::both;
  }

  static bool is_shared(const BTreeCursor& base, const BTreeCursor& target) {
    if (base.level() == 0 || target.level() == 0 || base.child() != target.child()) return false;
    if (base.level() != target.level())
      fail(ErrorKind::corrupt, "metadata block {} stands at two levels: {} and {}", base.child(),
           base.level(), target.level());
    return true;
  }

  /// Goes down, or past a mapping; then that is the result.
  static std::optional<uint64_t> advance(MappingCursor& cursor) {
    if (cursor.tree().level() > 0) {
      cursor.tree().descend();
      return std::nullopt;
    }
    const uint64_t block = cursor.mapping().thin_block;
    cursor.tree().skip();
    return block;
  }

  /// The block that both map, unless they map it to the same data block. The time of a mapping does
  /// not count: as long as the base holds a data block, nobody else can have it with other
  /// contents.
  std::optional<uint64_t> advance_both() {
    if (base_.tree().level() > 0 && !is_shared(base_.tree(), target_.tree())) {
      base_.tree().descend();
      target_.tree().descend();
      return std::nullopt;
    }
    std::optional<uint64_t> differs;
    if (base_.tree().level() == 0 && base_.mapping().data_block != target_.mapping().data_block)
      differs = base_.mapping().thin_block;
    base_.tree().skip();
    target_.tree().skip();
    return differs;
  }

  [[nodiscard]] DeltaExtent extent(uint64_t block, DeltaKind kind) const {
    return {{block * chunk_size_, chunk_size_}, kind};
  }

  MappingCursor base_;
  MappingCursor target_;
  uint64_t end_;  // thin blocks
  uint64_t chunk_size_;
};

/// A source that owns what it merges.
template <typename Blocks>
class MergedBlocks final : public DeltaSource {
 public:
  template <typename... Args>
  explicit MergedBlocks(const Args&... args) : blocks_(args...), merged_(blocks_) {}

  std::optional<DeltaExtent> next() override { return merged_.next(); }

 private:
  Blocks blocks_;
  MergedDelta merged_;
};

}  // namespace

std::unique_ptr<DeltaSource> full_tree_delta(const ThinMetadata& metadata, uint64_t thin_id,
                                             uint64_t begin, uint64_t end) {
  const BlockRange range = blocks_of(begin, end, metadata.chunk_size());
  return std::make_unique<MergedBlocks<MappedBlocks>>(metadata, thin_id, range);
}

std::unique_ptr<DeltaSource> tree_delta(const ThinMetadata& metadata, uint64_t base_thin_id,
                                        uint64_t target_thin_id, uint64_t begin, uint64_t end) {
  const BlockRange range = blocks_of(begin, end, metadata.chunk_size());
  return std::make_unique<MergedBlocks<DifferingBlocks>>(metadata, base_thin_id, target_thin_id,
                                                         range);
}

}  // namespace bsr
