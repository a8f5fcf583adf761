// Whether a generation is what was committed, and which of it and its working copy was changed: by
// example, and in random histories of a pool of which the truth is known.
#include "formats/standing.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/fakes/thin_pool_model.h"

namespace bsr {
namespace {

constexpr uint64_t kBlocks = 8;

/// A working copy, and the generation that was made of it.
struct Pair {
  Pair() {
    pool.create_thin(copy);
    for (uint64_t block = 0; block < 5; ++block) pool.write(copy, block, 100 + block);
    pool.create_snap(kept, copy);
    committed = pool.content(kept);
  }

  /// LVM's merge: the volume is another thin device from now on.
  void merge_into_kept(uint64_t from) {
    pool.remove(kept);
    kept = from;
  }

  template <typename Ask>
  auto ask(const Ask& question, ThinMetadataBuilder::Shape shape = {}) const {
    ThinMetadataImage image = pool.metadata(shape).finish();
    return question(ThinMetadata(image, MetadataState::current));
  }
  [[nodiscard]] Moved moved(ThinMetadataBuilder::Shape shape = {}) const {
    return ask([&](const ThinMetadata& now) { return what_moved(now, written_down(), copy); },
               shape);
  }
  [[nodiscard]] bool kept_stands(std::optional<uint64_t> mapped) const {
    return ask([&](const ThinMetadata& now) { return stands(now, {kept, 2, mapped}); });
  }
  [[nodiscard]] Kept written_down() const { return {kept, 2, committed.size()}; }

  ThinPoolModel pool;
  uint64_t copy = 1;
  uint64_t kept = 2;
  ThinPoolModel::Content committed;
};

TEST(Standing, APairThatNobodyTouchedStands) {
  const Pair pair;
  EXPECT_EQ(Moved::nothing, pair.moved());
  EXPECT_TRUE(pair.kept_stands(5));
}

TEST(Standing, AWriteOrADiscardTellsWhoMoved) {
  Pair copy_written;
  copy_written.pool.write(1, 3, 7);
  EXPECT_EQ(Moved::copy, copy_written.moved());
  Pair copy_trimmed;
  copy_trimmed.pool.discard(1, 3);
  EXPECT_EQ(Moved::copy, copy_trimmed.moved());

  Pair kept_written;
  kept_written.pool.write(2, 3, 7);
  EXPECT_EQ(Moved::snapshot, kept_written.moved());
  EXPECT_FALSE(kept_written.kept_stands(5));
  Pair kept_trimmed;
  kept_trimmed.pool.discard(2, 3);
  EXPECT_EQ(Moved::snapshot, kept_trimmed.moved());
  EXPECT_FALSE(kept_trimmed.kept_stands(5));
}

TEST(Standing, WhatWasTrimmedFromBothIsMissed) {
  Pair pair;
  pair.pool.discard(1, 3);
  pair.pool.discard(2, 3);
  EXPECT_EQ(Moved::snapshot, pair.moved());
}

TEST(Standing, WithoutTheNumberOfMappingsATrimCannotBeTold) {
  Pair pair;
  pair.pool.discard(2, 3);
  EXPECT_TRUE(pair.kept_stands(std::nullopt));
  pair.pool.write(2, 3, 7);
  EXPECT_FALSE(pair.kept_stands(std::nullopt));
}

TEST(Standing, AMergedDrillIsNoGeneration) {
  Pair idle;
  idle.pool.create_snap(3, 2);
  idle.merge_into_kept(3);
  EXPECT_EQ(Moved::snapshot, idle.moved());
  Pair used;
  used.pool.create_snap(3, 2);
  used.pool.write(3, 0, 7);
  used.merge_into_kept(3);
  EXPECT_EQ(Moved::snapshot, used.moved());
}

TEST(Standing, ASnapshotOfAChangedDrillIsNoGeneration) {
  Pair pair;
  pair.pool.create_snap(3, 2);
  pair.pool.write(3, 0, 7);
  pair.pool.create_snap(4, 3);
  pair.merge_into_kept(4);
  EXPECT_EQ(Moved::snapshot, pair.moved());
  EXPECT_FALSE(pair.kept_stands(5));
}

TEST(Standing, ACloneOfEitherIsNoMove) {
  Pair pair;
  pair.pool.create_snap(3, 2);
  pair.pool.create_snap(4, 1);
  pair.pool.write(3, 0, 7);
  EXPECT_EQ(Moved::nothing, pair.moved());
  pair.pool.write(1, 0, 7);
  EXPECT_EQ(Moved::copy, pair.moved());
}

TEST(Standing, ACopyThatWasMadeAnewFromTheSnapshotCounts) {
  Pair pair;
  pair.pool.remove(1);
  pair.pool.create_snap(1, 2);
  EXPECT_EQ(Moved::nothing, pair.moved());
  pair.pool.write(1, 0, 7);
  EXPECT_EQ(Moved::copy, pair.moved());
}

TEST(Standing, HoldsInRandomHistories) {
  for (uint64_t seed = 0; seed < 3000; ++seed) {
    std::mt19937_64 dice(seed);
    const auto roll = [&](uint64_t below) { return dice() % below; };
    Pair pair;
    bool kept_touched = false;
    bool copy_touched = false;
    const uint64_t steps = roll(8);
    for (uint64_t step = 0; step < steps; ++step) {
      const std::vector<uint64_t> ids = pair.pool.ids();
      const uint64_t id = ids[roll(ids.size())];
      const uint64_t what = roll(6);
      if (what == 0) {
        pair.pool.create_snap(3 + roll(3), id == 3 ? 1 : id);
      } else if (what == 1 && id > 2 && roll(3) == 0 && id != pair.kept) {
        pair.merge_into_kept(id);
        kept_touched = true;
      } else if (what == 2) {
        pair.pool.discard(id, roll(kBlocks));
      } else if (what > 2) {
        pair.pool.write(id, roll(kBlocks), 1000 + dice() % 1000);
      }
      kept_touched |= what > 1 && id == pair.kept;
      copy_touched |= what > 1 && id == pair.copy;
      if (!pair.pool.has(pair.kept) || pair.kept == 3) break;
    }
    if (!pair.pool.has(pair.kept)) continue;
    const Moved moved = pair.moved({.fanout = 2 + roll(4), .share = roll(3) != 0, .salt = roll(4)});
    const bool is_as_committed = pair.pool.content(pair.kept) == pair.committed;
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    if (moved != Moved::snapshot) {
      ASSERT_TRUE(is_as_committed);
    }
    if (moved == Moved::nothing) {
      ASSERT_EQ(pair.committed, pair.pool.content(pair.copy));
    }
    if (!kept_touched) {
      ASSERT_NE(Moved::snapshot, moved);
      if (!copy_touched) {
        ASSERT_EQ(Moved::nothing, moved);
      }
    }
  }
}

}  // namespace
}  // namespace bsr
