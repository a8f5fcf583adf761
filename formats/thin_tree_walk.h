// One walk over the mapping trees of two thin devices, past what they share, and what it will read
// known in advance.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "formats/thin_metadata.h"

namespace bsr {

class LookAhead;

/// What is walked. `metadata` must outlive the walk.
struct TreePair {
  const ThinMetadata& metadata;
  std::optional<uint64_t> base_thin_id;  ///< none: everything that the target maps
  uint64_t target_thin_id;
  uint64_t begin;  ///< thin blocks
  uint64_t end;
  bool into_shared = false;  ///< meet what both have in common, too
};

/// Two cursors that move in step and meet, ascending, the entries of one level that are not shared.
/// Where both stand on the same metadata block, all below it is the same and is passed unread, as
/// are mappings that are the same to the bit, unless they are asked for. Else
/// the one with the smaller key goes on, because the other cannot meet that key any more; with
/// equal keys the one that stands higher, so that both come to the same level. Throws as
/// MappingCursor does, and Error{failed} for a device that the pool does not have.
class TreeWalk {
 public:
  /// Whose tree has the entry at hand; `both` have one with this key.
  enum class Turn { none, base, target, both };

  /// Level 0: mappings; 1: pointers to leaves; and so on.
  TreeWalk(const TreePair& trees, uint32_t level);
  ~TreeWalk();
  TreeWalk(const TreeWalk&) = delete;
  TreeWalk& operator=(const TreeWalk&) = delete;

  /// Goes to the next entry; none: there is no more.
  Turn find();

  /// Passes what find() found.
  void pass(Turn turn);

  /// These need that find() found an entry in this tree.
  [[nodiscard]] const MappingCursor& base() const { return *base_; }
  [[nodiscard]] const MappingCursor& target() const { return target_; }

 private:
  [[nodiscard]] bool in_range(const BTreeCursor& tree) const;
  [[nodiscard]] bool base_in_range() const { return base_ && in_range(base_->tree()); }
  [[nodiscard]] bool is_shared() const;
  [[nodiscard]] Turn whose_turn() const;
  [[nodiscard]] bool descend(Turn turn);

  std::optional<MappingCursor> base_;
  MappingCursor target_;
  uint64_t end_;  // thin blocks
  bool into_shared_;
  uint32_t level_;
  std::unique_ptr<LookAhead> look_ahead_;  // null: nothing worth it lies above
};

}  // namespace bsr
