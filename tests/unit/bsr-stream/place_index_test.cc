// Places in a list that is longer than what is held of it.
#include "bsr-stream/place_index.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/fakes/peak_memory.h"

namespace bsr {
namespace {

TEST(PlaceIndex, FindsWhatCoversAPlaceOrComesNext) {
  PlaceIndex places;
  EXPECT_FALSE(places.first_behind(0));
  const DeltaExtent first = {{512, 512}, DeltaKind::data};
  const DeltaExtent second = {{4096, 512}, DeltaKind::unmap};
  places.append(first);
  places.append(second);
  EXPECT_EQ(first, places.first_behind(0));
  EXPECT_EQ(first, places.first_behind(512));
  EXPECT_EQ(first, places.first_behind(1023));
  EXPECT_EQ(second, places.first_behind(1024));
  EXPECT_EQ(second, places.first_behind(4607));
  EXPECT_FALSE(places.first_behind(4608));
}

TEST(PlaceIndex, JoinsWhatContinuesInItsKind) {
  PlaceIndex places;
  places.append({{0, 512}, DeltaKind::data});
  places.append({{512, 1024}, DeltaKind::data});
  places.append({{1536, 512}, DeltaKind::unmap});
  EXPECT_EQ((DeltaExtent{{0, 1536}, DeltaKind::data}), places.first_behind(0));
  EXPECT_EQ((DeltaExtent{{1536, 512}, DeltaKind::unmap}), places.first_behind(1536));
}

/// As a plain list has them: around every border of what is read at once, and in any order.
TEST(PlaceIndex, FindsThemInALongList) {
  for (const size_t count : {255, 256, 257, 512, 513, 2000}) {
    PlaceIndex places;
    std::vector<DeltaExtent> list;
    for (uint64_t i = 0; i < count; ++i) {
      list.push_back({{(3 * i + 1) * 512, 1024}, DeltaKind::data});
      places.append(list.back());
    }
    std::vector<uint64_t> offsets;
    for (uint64_t sector = 0; sector < 3 * count + 3; ++sector) offsets.push_back(sector * 512);
    std::mt19937_64 dice(1);
    for (const bool shuffled : {false, true}) {
      if (shuffled) std::ranges::shuffle(offsets, dice);
      for (const uint64_t offset : offsets) {
        const size_t next = offset / 1536;  // whose end is at 3 * next + 3 sectors
        std::optional<DeltaExtent> expected;
        if (next < count) expected = list[next];
        ASSERT_EQ(expected, places.first_behind(offset)) << offset << " of " << count;
      }
    }
  }
}

/// While it grows: what was found before does not hide what came later.
TEST(PlaceIndex, FindsThemBetweenAppends) {
  PlaceIndex places;
  for (uint64_t i = 0; i < 1000; ++i) {
    const DeltaExtent part = {{2 * i * 512, 512}, DeltaKind::data};
    places.append(part);
    ASSERT_EQ(part, places.first_behind(2 * i * 512));
    ASSERT_EQ((DeltaExtent{{i / 2 * 2 * 512, 512}, DeltaKind::data}),
              places.first_behind(i / 2 * 2 * 512));
  }
}

TEST(PlaceIndex, StaysOutOfMemory) {
  const PeakMemory memory;
  PlaceIndex places;
  for (uint64_t i = 0; i < 500'000; ++i) places.append({{2 * i * 512, 512}, DeltaKind::data});
  EXPECT_EQ((DeltaExtent{{0, 512}, DeltaKind::data}), places.first_behind(0));
  EXPECT_LT(memory.growth(), (1 << 20) + PeakMemory::kOverhead);
}

}  // namespace
}  // namespace bsr
