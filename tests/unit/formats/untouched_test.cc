// Changes against what was touched: by example, and against a set of single chunks.
#include "formats/untouched.h"

#include <gtest/gtest.h>

#include <random>
#include <set>

#include "tests/fakes/listed_plan.h"

namespace bsr {
namespace {

constexpr uint64_t kChunk = 64 * 1024;

std::optional<Extent> untouched(std::deque<DeltaExtent> changes, std::deque<DeltaExtent> touches) {
  ListedPlan changed(std::move(changes));
  ListedPlan touched(std::move(touches));
  return first_untouched(changed, touched, kChunk);
}

DeltaExtent chunks(uint64_t first, uint64_t count) {
  return {{first * kChunk, count * kChunk}, DeltaKind::data};
}

TEST(Untouched, NothingThatChangedNeedsNothingThatWasTouched) {
  EXPECT_EQ(std::nullopt, untouched({}, {}));
  EXPECT_EQ(std::nullopt, untouched({}, {chunks(3, 2)}));
}

TEST(Untouched, AChangeThatNobodyMadeIsFound) {
  EXPECT_EQ((Extent{5 * kChunk, kChunk}), untouched({chunks(5, 1)}, {}));
  EXPECT_EQ((Extent{5 * kChunk, kChunk}), untouched({chunks(5, 1)}, {chunks(4, 1), chunks(6, 1)}));
}

TEST(Untouched, AChunkOfWhichOneSectorWasTouchedMayChange) {
  EXPECT_EQ(std::nullopt, untouched({chunks(5, 1)}, {{{6 * kChunk - 512, 512}, DeltaKind::data}}));
  EXPECT_EQ((Extent{5 * kChunk, kChunk}),
            untouched({chunks(5, 1)}, {{{6 * kChunk, 512}, DeltaKind::data}}));
}

TEST(Untouched, OnlyTheRestOfAChangeIsNamed) {
  EXPECT_EQ((Extent{7 * kChunk, 3 * kChunk}),
            untouched({chunks(5, 5)}, {{{5 * kChunk, 512}, DeltaKind::data}, chunks(6, 1)}));
}

TEST(Untouched, AnUnmappedChunkCountsToo) {
  EXPECT_EQ((Extent{kChunk, kChunk}), untouched({{{kChunk, kChunk}, DeltaKind::unmap}}, {}));
  EXPECT_EQ(std::nullopt, untouched({{{kChunk, kChunk}, DeltaKind::unmap}}, {chunks(0, 9)}));
}

/// Ascending extents in units, apart from each other.
std::deque<DeltaExtent> random_extents(std::mt19937_64& dice, uint64_t unit, uint64_t end) {
  std::deque<DeltaExtent> extents;
  for (uint64_t at = dice() % 8 * unit; at < end;) {
    const uint64_t length = (1 + dice() % 6) * unit;
    extents.push_back({{at, length}, dice() % 3 == 0 ? DeltaKind::unmap : DeltaKind::data});
    at += length + dice() % 10 * unit;
  }
  return extents;
}

TEST(Untouched, EqualsASetOfChunks) {
  for (uint64_t seed = 0; seed < 2000; ++seed) {
    std::mt19937_64 dice(seed);
    std::deque<DeltaExtent> changes = random_extents(dice, kChunk, 40 * kChunk);
    const std::deque<DeltaExtent> touches = random_extents(dice, kChunk / 4, 50 * kChunk);
    std::set<uint64_t> touched;
    for (const DeltaExtent& touch : touches)
      for (uint64_t at = touch.extent.offset / kChunk; at * kChunk < touch.extent.end(); ++at)
        touched.insert(at);
    if (dice() % 2 == 0)  // half of the time nothing is amiss
      std::erase_if(changes, [&](const DeltaExtent& change) {
        for (uint64_t at = change.extent.offset / kChunk; at * kChunk < change.extent.end(); ++at)
          if (!touched.contains(at)) return true;
        return false;
      });
    std::optional<uint64_t> expected;
    for (const DeltaExtent& change : changes)
      for (uint64_t at = change.extent.offset / kChunk; at * kChunk < change.extent.end(); ++at)
        if (!expected && !touched.contains(at)) expected = at * kChunk;

    const std::optional<Extent> found = untouched(changes, touches);
    ASSERT_EQ(expected.has_value(), found.has_value()) << "seed " << seed;
    if (expected) {
      ASSERT_EQ(*expected, found->offset) << "seed " << seed;
    }
  }
}

}  // namespace
}  // namespace bsr
