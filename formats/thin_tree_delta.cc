// What the walk over the trees finds, as extents.
#include "formats/thin_tree_delta.h"

#include "base/error.h"
#include "formats/merged_delta.h"
#include "formats/thin_tree_walk.h"

namespace bsr {
namespace {

/// Which of the blocks that a walk meets a source yields.
enum class Wanted {
  changed,     ///< what differs, and what shared_own says
  shared_own,  ///< what both have, and is the base's own
  target,      ///< all that the target maps
};

/// Yields blocks one by one, and notes own mappings.
class WalkedBlocks final : public DeltaSource {
 public:
  WalkedBlocks(const TreePair& trees, Wanted wanted, OwnOfBoth* own)
      : walk_(trees, 0), chunk_size_(trees.metadata.chunk_size()), wanted_(wanted), own_(own) {}

  std::optional<DeltaExtent> next() override {
    for (;;) {
      const auto turn = walk_.find();
      if (turn == TreeWalk::Turn::none) return std::nullopt;
      const Met met = look(turn);
      walk_.pass(turn);
      if (met.kind) return DeltaExtent{{met.thin_block * chunk_size_, chunk_size_}, *met.kind};
    }
  }

 private:
  struct Met {
    uint64_t thin_block = 0;
    std::optional<DeltaKind> kind;  // none: it is not wanted
  };

  Met look(TreeWalk::Turn turn) {
    std::optional<ThinMapping> base;
    std::optional<ThinMapping> target;
    bool is_own = false;  // of the base
    if (turn != TreeWalk::Turn::target) {
      base = walk_.base().mapping();
      is_own = own_ != nullptr && note(*own_->base, base->thin_block, walk_.base().time());
    }
    if (turn != TreeWalk::Turn::base) {
      target = walk_.target().mapping();
      if (own_ != nullptr) note(own_->target, target->thin_block, walk_.target().time());
    }
    return {target ? target->thin_block : base->thin_block, kind(base, target, is_own)};
  }

  static bool note(OwnMappings& own, uint64_t thin_block, uint32_t time) {
    if (!own.is_own(time)) return false;
    own.add(thin_block);
    return true;
  }

  [[nodiscard]] std::optional<DeltaKind> kind(const std::optional<ThinMapping>& base,
                                              const std::optional<ThinMapping>& target,
                                              bool is_own) const {
    // The time of a mapping does not count here: as long as the base holds a data block, nobody
    // else can have it with other contents.
    const bool is_same = base && target && base->data_block == target->data_block;
    switch (wanted_) {
      case Wanted::changed:
        if (!target) return DeltaKind::unmap;
        return !is_same || is_own ? std::optional(DeltaKind::data) : std::nullopt;
      case Wanted::shared_own:
        return is_same && is_own ? std::optional(DeltaKind::data) : std::nullopt;
      case Wanted::target:
        return target ? std::optional(DeltaKind::data) : std::nullopt;
    }
    fail(ErrorKind::failed, "no such part of a delta");
  }

  TreeWalk walk_;
  uint64_t chunk_size_;
  Wanted wanted_;
  OwnOfBoth* own_;
};

/// A source that owns what it merges.
class MergedBlocks final : public DeltaSource {
 public:
  MergedBlocks(const TreePair& trees, Wanted wanted, OwnOfBoth* own)
      : blocks_(trees, wanted, own), merged_(blocks_) {}

  std::optional<DeltaExtent> next() override { return merged_.next(); }

 private:
  WalkedBlocks blocks_;
  MergedDelta merged_;
};

struct Devices {
  std::optional<uint64_t> base_thin_id;
  uint64_t target_thin_id;
};

/// `begin` and `end` are bytes; the thin blocks that overlap them are walked.
std::unique_ptr<DeltaSource> walk(const ThinMetadata& metadata, const Devices& devices,
                                  uint64_t begin, uint64_t end, Wanted wanted, OwnOfBoth* own) {
  const uint64_t chunk_size = metadata.chunk_size();
  const uint64_t blocks_end = end / chunk_size + (end % chunk_size != 0 ? 1 : 0);
  const bool into_shared = wanted == Wanted::target || (own != nullptr && own->may_be_shared());
  return std::make_unique<MergedBlocks>(TreePair{.metadata = metadata,
                                                 .base_thin_id = devices.base_thin_id,
                                                 .target_thin_id = devices.target_thin_id,
                                                 .begin = begin / chunk_size,
                                                 .end = begin < end ? blocks_end : 0,
                                                 .into_shared = into_shared},
                                        wanted, own);
}

}  // namespace

OwnOfBoth::OwnOfBoth(const ThinMetadata& metadata, std::optional<uint64_t> base_thin_id,
                     uint64_t target_thin_id)
    : target(metadata, target_thin_id) {
  if (base_thin_id) base.emplace(metadata, *base_thin_id);
}

std::unique_ptr<DeltaSource> full_tree_delta(const ThinMetadata& metadata, uint64_t thin_id,
                                             uint64_t begin, uint64_t end, OwnOfBoth* own) {
  return walk(metadata, {std::nullopt, thin_id}, begin, end, Wanted::target, own);
}

std::unique_ptr<DeltaSource> tree_delta(const ThinMetadata& metadata, uint64_t base_thin_id,
                                        uint64_t target_thin_id, uint64_t begin, uint64_t end,
                                        OwnOfBoth* own) {
  return walk(metadata, {base_thin_id, target_thin_id}, begin, end, Wanted::changed, own);
}

std::unique_ptr<DeltaSource> shared_own_delta(const ThinMetadata& metadata, uint64_t base_thin_id,
                                              uint64_t target_thin_id, uint64_t begin, uint64_t end,
                                              OwnOfBoth& own) {
  return walk(metadata, {base_thin_id, target_thin_id}, begin, end, Wanted::shared_own, &own);
}

std::unique_ptr<DeltaSource> target_tree_delta(const ThinMetadata& metadata, uint64_t base_thin_id,
                                               uint64_t target_thin_id, uint64_t begin,
                                               uint64_t end, OwnOfBoth& own) {
  return walk(metadata, {base_thin_id, target_thin_id}, begin, end, Wanted::target, &own);
}

}  // namespace bsr
