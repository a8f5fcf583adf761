// Parts of random volumes: a leaf is known when all of it came, and is what it would be if it was
// read.
#include "platform/gathered_leaves.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <random>

#include "tests/fakes/memory_volume.h"
#include "tests/fakes/random_bytes.h"

namespace bsr {
namespace {

Digest leaf_of(const Bytes& volume, uint64_t number) {
  const Extent extent = leaf_extent(number, volume.size());
  return leaf_digest(ByteView(volume).subspan(extent.offset, extent.length));
}

void add(GatheredLeaves& leaves, const Bytes& volume, Extent extent) {
  leaves.add(extent, ByteView(volume).subspan(extent.offset, extent.length));
}

class GatheredLeavesWith : public testing::TestWithParam<unsigned> {
 protected:
  const Bytes volume_ = random_bytes(5 * kLeafSize + 512);
};

TEST_P(GatheredLeavesWith, KnowsWhatCameAsAWholeHoweverItWasCut) {
  std::mt19937_64 dice(GetParam());
  for (unsigned round = 0; round < 6; ++round) {
    Bytes volume = volume_;
    GatheredLeaves leaves(volume.size(), GetParam());
    std::vector<bool> whole(leaf_count(volume.size()), true);
    for (uint64_t at = 0; at < volume.size();) {
      const uint64_t length = std::min<uint64_t>(512 * (1 + dice() % 5000), volume.size() - at);
      const Extent extent = {at, length};
      at += length;
      const uint64_t kind = dice() % 6;
      if (kind == 0) {
        for (uint64_t leaf = extent.offset / kLeafSize; leaf * kLeafSize < at; ++leaf)
          whole.at(leaf) = false;
      } else if (kind == 1) {
        std::fill_n(volume.begin() + static_cast<std::ptrdiff_t>(extent.offset), length,
                    std::byte{0});
        leaves.add_zeros(extent);
      } else {
        add(leaves, volume, extent);
      }
    }
    leaves.finish();
    for (uint64_t leaf = 0; leaf < whole.size(); ++leaf) {
      ASSERT_EQ(whole[leaf], leaves.leaf(leaf).has_value()) << round << ": " << leaf;
      if (!whole[leaf]) continue;
      ASSERT_EQ(leaf_of(volume, leaf), *leaves.leaf(leaf));
    }
  }
}

/// Where nothing else comes, what lies between is known as soon as it is passed.
TEST_P(GatheredLeavesWith, ReadsWhatIsMissingOfALeaf) {
  MemoryVolume rest(volume_);
  GatheredLeaves leaves(volume_.size(), GetParam(), &rest);
  add(leaves, volume_, {512, 1024});
  add(leaves, volume_, {8192, 4096});
  add(leaves, volume_, {kLeafSize, kLeafSize});
  add(leaves, volume_, {3 * kLeafSize + 512, kLeafSize - 512});
  add(leaves, volume_, {5 * kLeafSize, 512});
  rest.content.clear();  // of what came as a whole nothing is read
  leaves.finish();
  for (const uint64_t leaf : {0, 1, 3, 5})
    EXPECT_EQ(std::optional(leaf_of(volume_, leaf)), leaves.leaf(leaf)) << leaf;
  for (const uint64_t leaf : {2, 4}) EXPECT_EQ(std::nullopt, leaves.leaf(leaf));
}

TEST_P(GatheredLeavesWith, ReadsWhatIsMissingOfTheLastOneAtTheEnd) {
  MemoryVolume rest(volume_);
  GatheredLeaves leaves(volume_.size(), GetParam(), &rest);
  add(leaves, volume_, {4 * kLeafSize + 512, 512});
  leaves.finish();
  EXPECT_EQ(std::optional(leaf_of(volume_, 4)), leaves.leaf(4));
}

/// A frame, and then the zeros between its places.
TEST_P(GatheredLeavesWith, TakesWhatComesOutOfOrder) {
  Bytes volume(4 * kLeafSize);
  for (const uint64_t at : {kLeafSize / 2, kLeafSize + 512, 3 * kLeafSize})
    volume[at] = std::byte{9};
  GatheredLeaves leaves(volume.size(), GetParam());
  add(leaves, volume, {kLeafSize / 2, 512});
  add(leaves, volume, {kLeafSize + 512, 512});
  add(leaves, volume, {3 * kLeafSize, 512});
  leaves.add_zeros({0, kLeafSize / 2});
  leaves.add_zeros({kLeafSize / 2 + 512, kLeafSize / 2});
  leaves.add_zeros({kLeafSize + 1024, 2 * kLeafSize - 1024});
  leaves.finish();
  for (const uint64_t leaf : {3, 2, 0, 1})
    ASSERT_EQ(leaf == 3 ? std::nullopt : std::optional(leaf_of(volume, leaf)), leaves.leaf(leaf));
}

TEST_P(GatheredLeavesWith, KeepsOnlyTheLastOfThoseThatAreNotWhole) {
  constexpr uint64_t kLeaves = 20;
  const Bytes volume(kLeaves * kLeafSize, std::byte{7});
  GatheredLeaves leaves(volume.size(), GetParam());
  for (uint64_t leaf = 0; leaf < kLeaves; ++leaf) add(leaves, volume, {leaf * kLeafSize, 512});
  for (uint64_t leaf = 0; leaf < kLeaves; ++leaf)
    add(leaves, volume, {leaf * kLeafSize + 512, kLeafSize - 512});
  leaves.finish();
  uint64_t known = 0;
  for (uint64_t leaf = 0; leaf < kLeaves; ++leaf) {
    if (!leaves.leaf(leaf)) continue;
    ++known;
    ASSERT_EQ(leaf_of(volume, leaf), *leaves.leaf(leaf));
  }
  EXPECT_GT(kLeaves, known);
}

TEST_P(GatheredLeavesWith, CountsZerosWithoutALoop) {
  constexpr uint64_t kSize = INT64_MAX / 512 * 512;
  GatheredLeaves leaves(kSize, GetParam());
  leaves.add_zeros({512, kSize - 512});
  leaves.finish();
  EXPECT_EQ(std::nullopt, leaves.leaf(0));
  EXPECT_EQ(Digest{}, leaves.leaf(1));
  EXPECT_EQ(Digest{}, leaves.leaf(leaf_count(kSize) - 1));
}

TEST_P(GatheredLeavesWith, TakesNothingFromBehindTheEnd) {
  GatheredLeaves leaves(volume_.size(), GetParam());
  const Bytes more(4 * kLeafSize, std::byte{1});
  leaves.add({4 * kLeafSize, more.size()}, more);
  leaves.add({volume_.size(), 512}, ByteView(more).first(512));
  leaves.add_zeros({5 * kLeafSize, UINT64_MAX - 5 * kLeafSize});
  leaves.add_zeros({UINT64_MAX - 511, 512});
  leaves.finish();
  for (uint64_t leaf = 0; leaf < 10; ++leaf) EXPECT_EQ(std::nullopt, leaves.leaf(leaf));
}

INSTANTIATE_TEST_SUITE_P(Threads, GatheredLeavesWith, testing::Values(0U, 1U, 3U));

/// What could not be written down is not known, and not zero.
TEST(GatheredLeaves, WithoutRoomKnowsNothing) {
  const auto known_without_room = [] {
    signal(SIGXFSZ, SIG_IGN);
    const Bytes volume = random_bytes(3 * kLeafSize);
    GatheredLeaves leaves(volume.size(), 1);
    const rlimit none = {.rlim_cur = 1, .rlim_max = 1};
    setrlimit(RLIMIT_FSIZE, &none);
    leaves.add({0, volume.size()}, volume);
    leaves.finish();
    return leaves.leaf(0) || leaves.leaf(1) || leaves.leaf(2);
  };
  EXPECT_EXIT(_exit(known_without_room() ? 1 : 42), testing::ExitedWithCode(42), "");
}

}  // namespace
}  // namespace bsr
