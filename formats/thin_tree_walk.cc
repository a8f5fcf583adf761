// The walk, and the same walk one level higher that runs ahead of it.
#include "formats/thin_tree_walk.h"

#include <algorithm>
#include <vector>

#include "base/error.h"

namespace bsr {

/// Says which blocks a walk will read: the children that the same walk meets one level higher. It
/// has one of its own for what it reads itself, so each level runs ahead of the one below.
class LookAhead {
 public:
  LookAhead(const TreePair& trees, uint32_t level)
      : blocks_(trees.metadata.blocks()), walk_(trees, level) {}

  /// `key`: where the walk stands.
  void keep_ahead_of(uint64_t key) {
    while (!announced_.empty() && announced_.front() < key) announced_.pop_front();
    if (announced_.size() > kMost / 2) return;
    std::vector<uint64_t> children;
    try {
      while (!at_end_ && announced_.size() < kMost) announce_next(children);
    } catch (const Error&) {
      at_end_ = true;  // the walk itself meets it, if it comes that far
    }
    if (!children.empty()) blocks_.will_read(children);
  }

 private:
  static constexpr size_t kMost = 64;  // children that the walk has not come to

  void announce_next(std::vector<uint64_t>& children) {
    const auto turn = walk_.find();
    const auto announce = [&](const BTreeCursor& tree) {
      children.push_back(tree.child());
      announced_.push_back(tree.key());
    };
    const bool both = turn == TreeWalk::Turn::both;
    if (turn == TreeWalk::Turn::base || both) announce(walk_.base().tree());
    if (turn == TreeWalk::Turn::target ||
        (both && !BTreeCursor::at_same(walk_.base().tree(), walk_.target().tree())))
      announce(walk_.target().tree());
    at_end_ = turn == TreeWalk::Turn::none;
    walk_.pass(turn);
  }

  MetadataBlocks& blocks_;
  TreeWalk walk_;
  std::deque<uint64_t> announced_;  // keys, ascending
  bool at_end_ = false;
};

TreeWalk::TreeWalk(const TreePair& trees, uint32_t level)
    : target_(trees.metadata, trees.target_thin_id),
      end_(trees.end),
      into_shared_(trees.into_shared),
      level_(level) {
  if (trees.base_thin_id) base_.emplace(trees.metadata, *trees.base_thin_id);
  // Before it moves a cursor stands above the root, whose block was read to find its height.
  const uint32_t height = std::max(base_ ? base_->tree().level() : 0, target_.tree().level());
  if (level + 1 < height) look_ahead_ = std::make_unique<LookAhead>(trees, level + 1);
  if (base_) base_->seek(trees.begin);
  target_.seek(trees.begin);
}

TreeWalk::~TreeWalk() = default;

TreeWalk::Turn TreeWalk::find() {
  for (;;) {
    const Turn turn = whose_turn();
    if (turn == Turn::both && !into_shared_ && is_shared())
      BTreeCursor::skip_same(base_->tree(), target_.tree());
    else if (!descend(turn))
      return turn;
  }
}

void TreeWalk::pass(Turn turn) {
  if (turn == Turn::base || turn == Turn::both) base_->tree().skip();
  if (turn == Turn::target || turn == Turn::both) target_.tree().skip();
}

bool TreeWalk::in_range(const BTreeCursor& tree) const {
  return !tree.at_end() && tree.key() < end_;
}

bool TreeWalk::is_shared() const {
  const BTreeCursor& base = base_->tree();
  const BTreeCursor& target = target_.tree();
  if (!BTreeCursor::at_same(base, target)) return false;
  if (base.level() != target.level())
    fail(ErrorKind::corrupt, "metadata block {} stands at two levels: {} and {}", base.child(),
         base.level(), target.level());
  return true;
}

TreeWalk::Turn TreeWalk::whose_turn() const {
  if (!base_in_range()) return in_range(target_.tree()) ? Turn::target : Turn::none;
  if (!in_range(target_.tree())) return Turn::base;
  if (is_shared()) return Turn::both;
  const BTreeCursor& base = base_->tree();
  const BTreeCursor& target = target_.tree();
  if (base.key() != target.key()) return base.key() < target.key() ? Turn::base : Turn::target;
  if (base.level() != target.level())
    return base.level() > target.level() ? Turn::base : Turn::target;
  return Turn::both;
}

/// False: those whose turn it is stand on the level that is wanted.
bool TreeWalk::descend(Turn turn) {
  BTreeCursor* const base = turn == Turn::base || turn == Turn::both ? &base_->tree() : nullptr;
  BTreeCursor* const target =
      turn == Turn::target || turn == Turn::both ? &target_.tree() : nullptr;
  const BTreeCursor* const one = target != nullptr ? target : base;
  if (one == nullptr || one->level() <= level_) return false;
  if (look_ahead_) look_ahead_->keep_ahead_of(one->key());
  if (base != nullptr) base->descend();
  if (target != nullptr) target->descend();
  return true;
}

}  // namespace bsr
