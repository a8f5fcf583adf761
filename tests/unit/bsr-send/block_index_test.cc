// What is found again, where, and which of several places.
#include "bsr-send/block_index.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include "tests/fakes/random_bytes.h"

namespace bsr {
namespace {

constexpr size_t kSpan = 4096;

Bytes joined(ByteView first, ByteView second) {
  Bytes bytes(first.begin(), first.end());
  append(bytes, second);
  return bytes;
}

/// So many of a page's fingerprints.
BlockIndex::Fingerprints some_of(ByteView page, size_t count) {
  BlockIndex::Fingerprints found = BlockIndex::fingerprints(page);
  found.resize(std::min(found.size(), count));
  return found;
}

BlockIndex::Fingerprints together(std::initializer_list<BlockIndex::Fingerprints> parts) {
  BlockIndex::Fingerprints all;
  for (const auto& part : parts) all.insert(all.end(), part.begin(), part.end());
  std::ranges::sort(all);
  return all;
}

TEST(BlockIndex, EqualBytesHaveEqualFingerprintsAscendingAndEachOnce) {
  const Bytes page = random_bytes(kSpan, 1);
  const auto found = BlockIndex::fingerprints(page);
  EXPECT_EQ(found, BlockIndex::fingerprints(Bytes(page)));
  EXPECT_EQ(found, BlockIndex::fingerprints(joined(page, page)));
  EXPECT_TRUE(std::ranges::is_sorted(found));
  EXPECT_EQ(found.end(), std::ranges::adjacent_find(found));
}

TEST(BlockIndex, OtherBytesHaveNoneInCommon) {
  BlockIndex::Fingerprints common;
  std::ranges::set_intersection(BlockIndex::fingerprints(random_bytes(1 << 20, 1)),
                                BlockIndex::fingerprints(random_bytes(1 << 20, 2)),
                                std::back_inserter(common));
  EXPECT_TRUE(common.empty());
}

TEST(BlockIndex, TakesAboutOneWindowOfFiveHundred) {
  constexpr size_t kSize = 4 << 20;
  const size_t count = BlockIndex::fingerprints(random_bytes(kSize, 1)).size();
  EXPECT_GT(count, kSize / 512 * 9 / 10);
  EXPECT_LT(count, kSize / 512 * 11 / 10);
}

TEST(BlockIndex, WindowsKnowNothingOfWhatStandsBeforeThem) {
  const Bytes page = random_bytes(kSpan, 1);
  for (const size_t shift : {1U, 7U, 63U, 64U, 2000U}) {
    const ByteView kept = ByteView(page).first(kSpan - shift);
    EXPECT_TRUE(
        std::ranges::includes(BlockIndex::fingerprints(joined(random_bytes(shift, 2), kept)),
                              BlockIndex::fingerprints(kept)))
        << shift;
  }
}

TEST(BlockIndex, WindowsDoNotReachOverSpans) {
  const Bytes first = random_bytes(kSpan, 1);
  const Bytes second = random_bytes(kSpan, 2);
  EXPECT_EQ(together({BlockIndex::fingerprints(first), BlockIndex::fingerprints(second)}),
            BlockIndex::fingerprints(joined(first, second)));
}

TEST(BlockIndex, NothingStandsForLittleOrForZeros) {
  EXPECT_TRUE(BlockIndex::fingerprints({}).empty());
  EXPECT_TRUE(BlockIndex::fingerprints(Bytes(1 << 20)).empty());
  for (unsigned seed = 0; seed < 5000; ++seed)
    ASSERT_TRUE(BlockIndex::fingerprints(random_bytes(63, seed)).empty()) << seed;
  BlockIndex index;
  index.add(1, {});
  index.add(2, Bytes(1 << 20));
  index.add(3, random_bytes(63, 1));
  EXPECT_TRUE(index.find(BlockIndex::fingerprints(Bytes(1 << 20)), 10).empty());
  EXPECT_TRUE(index.find({}, 10).empty());
}

TEST(BlockIndex, FindsTheSameBytesAtAnotherOffset) {
  const Bytes page = random_bytes(kSpan, 1);
  BlockIndex index;
  index.add(7, page);
  for (const size_t shift : {0U, 1U, 13U, 500U}) {
    const Bytes moved = joined(random_bytes(shift, 2), ByteView(page).first(kSpan - shift));
    EXPECT_EQ(std::vector<uint64_t>{7}, index.find(BlockIndex::fingerprints(moved), 10)) << shift;
  }
  EXPECT_TRUE(index.find(BlockIndex::fingerprints(random_bytes(kSpan, 3)), 10).empty());
}

TEST(BlockIndex, AnyBlockNumberComesBack) {
  BlockIndex index;
  for (const uint64_t block : {uint64_t{0}, uint64_t{1} << 39, (uint64_t{1} << 40) - 1}) {
    const Bytes page = random_bytes(kSpan, static_cast<unsigned>(block % 1000));
    index.add(block, page);
    EXPECT_EQ(std::vector{block}, index.find(BlockIndex::fingerprints(page), 10));
  }
}

TEST(BlockIndex, OneHitIsNotEnough) {
  const Bytes page = random_bytes(kSpan, 1);
  BlockIndex index;
  index.add(7, page);
  ASSERT_GE(some_of(page, 2).size(), 2U);
  EXPECT_TRUE(index.find(some_of(page, 1), 10).empty());
  EXPECT_EQ(std::vector<uint64_t>{7}, index.find(some_of(page, 2), 10));
}

TEST(BlockIndex, GivesTheBestOfManyInOrder) {
  std::vector<Bytes> pages;
  for (unsigned i = 0; i < 4; ++i) pages.push_back(random_bytes(2 * kSpan, 10 + i));
  BlockIndex index;
  for (uint64_t i = 0; i < pages.size(); ++i) index.add(100 - i, pages[i]);
  const auto wanted = together(
      {some_of(pages[0], 3), some_of(pages[1], 5), some_of(pages[2], 2), some_of(pages[3], 4)});
  ASSERT_EQ(14U, wanted.size());
  EXPECT_EQ((std::vector<uint64_t>{97, 98, 99, 100}), index.find(wanted, 4));
  EXPECT_EQ((std::vector<uint64_t>{97, 99, 100}), index.find(wanted, 3));
  EXPECT_EQ((std::vector<uint64_t>{97, 99}), index.find(wanted, 2));
  EXPECT_EQ((std::vector<uint64_t>{99}), index.find(wanted, 1));
  EXPECT_TRUE(index.find(wanted, 0).empty());
}

TEST(BlockIndex, NamesWhereItWasSeenLast) {
  const Bytes page = random_bytes(kSpan, 1);
  BlockIndex index;
  index.add(9, page);
  index.add(4, page);
  EXPECT_EQ(std::vector<uint64_t>{4}, index.find(BlockIndex::fingerprints(page), 10));
}

/// Whatever is asked meanwhile: blocks that were added, and in the end all of them.
TEST(BlockIndex, MayBeAskedWhileOthersAdd) {
  constexpr uint64_t kBlocks = 64;
  std::vector<Bytes> pages;
  for (unsigned i = 0; i < kBlocks; ++i) pages.push_back(random_bytes(2 * kSpan, i));
  BlockIndex index;
  std::atomic<bool> added = false;
  {
    const std::jthread adding([&] {
      for (uint64_t i = 0; i < kBlocks; ++i) index.add(i, pages[i]);
      added = true;
    });
    do {
      for (uint64_t i = 0; i < kBlocks; ++i)
        for (const uint64_t found : index.find(BlockIndex::fingerprints(pages[i]), 10))
          ASSERT_EQ(i, found);
    } while (!added);
  }
  for (uint64_t i = 0; i < kBlocks; ++i)
    EXPECT_EQ(std::vector{i}, index.find(BlockIndex::fingerprints(pages[i]), 10));
}

}  // namespace
}  // namespace bsr
