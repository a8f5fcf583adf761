// What the walk over the trees finds, as extents.
#include "formats/thin_tree_delta.h"

#include "formats/merged_delta.h"
#include "formats/thin_tree_walk.h"

namespace bsr {
namespace {

/// Yields the blocks that differ between two devices, or that one maps, one by one.
class DifferingBlocks final : public DeltaSource {
 public:
  DifferingBlocks(const TreePair& trees, bool* base_stood_still)
      : walk_(trees, 0),
        chunk_size_(trees.metadata.chunk_size()),
        base_stood_still_(base_stood_still) {
    if (base_stood_still_ == nullptr) return;
    *base_stood_still_ = true;
    base_taken_ = trees.metadata.device(trees.base_thin_id.value()).value().creation_time;
  }

  std::optional<DeltaExtent> next() override {
    for (;;) {
      std::optional<DeltaExtent> found;
      const auto turn = walk_.find();
      switch (turn) {
        case TreeWalk::Turn::none:
          return std::nullopt;
        case TreeWalk::Turn::base:
          found = extent(walk_.base().mapping(), DeltaKind::unmap);
          break;
        case TreeWalk::Turn::target:
          found = extent(walk_.target().mapping(), DeltaKind::data);
          break;
        case TreeWalk::Turn::both:
          // The time of a mapping does not count: as long as the base holds a data block, nobody
          // else can have it with other contents.
          if (walk_.base().mapping().data_block != walk_.target().mapping().data_block)
            found = extent(walk_.target().mapping(), DeltaKind::data);
          break;
      }
      if (found && turn != TreeWalk::Turn::target) look_at_base();
      walk_.pass(turn);
      if (found) return found;
    }
  }

 private:
  void look_at_base() {
    if (base_stood_still_ != nullptr && walk_.base().time() >= base_taken_)
      *base_stood_still_ = false;
  }

  [[nodiscard]] DeltaExtent extent(const ThinMapping& mapping, DeltaKind kind) const {
    return {{mapping.thin_block * chunk_size_, chunk_size_}, kind};
  }

  TreeWalk walk_;
  uint64_t chunk_size_;
  bool* base_stood_still_;
  uint32_t base_taken_ = 0;
};

/// A source that owns what it merges.
class MergedBlocks final : public DeltaSource {
 public:
  MergedBlocks(const TreePair& trees, bool* base_stood_still)
      : blocks_(trees, base_stood_still), merged_(blocks_) {}

  std::optional<DeltaExtent> next() override { return merged_.next(); }

 private:
  DifferingBlocks blocks_;
  MergedDelta merged_;
};

/// `begin` and `end` are bytes; the thin blocks that overlap them are walked.
std::unique_ptr<DeltaSource> walk(const ThinMetadata& metadata,
                                  std::optional<uint64_t> base_thin_id, uint64_t target_thin_id,
                                  uint64_t begin, uint64_t end, bool* base_stood_still) {
  const uint64_t chunk_size = metadata.chunk_size();
  const uint64_t blocks_end = end / chunk_size + (end % chunk_size != 0 ? 1 : 0);
  return std::make_unique<MergedBlocks>(TreePair{.metadata = metadata,
                                                 .base_thin_id = base_thin_id,
                                                 .target_thin_id = target_thin_id,
                                                 .begin = begin / chunk_size,
                                                 .end = begin < end ? blocks_end : 0},
                                        base_stood_still);
}

}  // namespace

std::unique_ptr<DeltaSource> full_tree_delta(const ThinMetadata& metadata, uint64_t thin_id,
                                             uint64_t begin, uint64_t end) {
  return walk(metadata, std::nullopt, thin_id, begin, end, nullptr);
}

std::unique_ptr<DeltaSource> tree_delta(const ThinMetadata& metadata, uint64_t base_thin_id,
                                        uint64_t target_thin_id, uint64_t begin, uint64_t end,
                                        bool* base_stood_still) {
  return walk(metadata, base_thin_id, target_thin_id, begin, end, base_stood_still);
}

}  // namespace bsr
