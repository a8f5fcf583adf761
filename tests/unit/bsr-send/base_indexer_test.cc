// What is indexed ahead of a stream, and how far.
#include "bsr-send/base_indexer.h"

#include <gtest/gtest.h>

#include <deque>
#include <thread>

#include "base/error.h"
#include "tests/fakes/listed_plan.h"
#include "tests/fakes/memory_volume.h"
#include "tests/fakes/random_bytes.h"

namespace bsr {
namespace {

constexpr uint64_t kMib = 1 << 20;

class BrokenReader final : public VolumeReader {
 public:
  void read(uint64_t, std::span<std::byte>) override { fail(ErrorKind::failed, "disk broke"); }
};

class BaseIndexerTest : public testing::Test {
 protected:
  BaseIndexer indexer(std::deque<DeltaExtent> plan, uint64_t size, uint64_t most_ahead) {
    return {std::make_unique<ListedPlan>(std::move(plan)), std::make_unique<MemoryVolume>(base_),
            size, index_, most_ahead};
  }

  /// Whether the block at this place is found by what it holds.
  [[nodiscard]] bool knows(uint64_t offset) const {
    const auto wanted = BlockIndex::fingerprints(ByteView(base_).subspan(offset, kBlock));
    const std::vector<uint64_t> found = index_.find(wanted, 1);
    return found == std::vector{offset / kBlock};
  }

  Bytes base_ = random_bytes(16 * kMib);
  BlockIndex index_;
};

TEST_F(BaseIndexerTest, AddsDataOfThePlanThatTheBaseHas) {
  BaseIndexer all = indexer({{{kMib, kMib}, DeltaKind::data},
                             {{3 * kMib, kMib}, DeltaKind::unmap},
                             {{6 * kMib, 2 * kMib}, DeltaKind::data}},
                            7 * kMib, BaseIndexer::kMostAhead);
  while (all.step()) continue;
  EXPECT_TRUE(knows(kMib));
  EXPECT_TRUE(knows(2 * kMib - kBlock));
  EXPECT_TRUE(knows(7 * kMib - kBlock));
  for (const uint64_t not_there : {uint64_t{0}, 2 * kMib, 3 * kMib, 7 * kMib})
    EXPECT_FALSE(knows(not_there)) << not_there;
  EXPECT_FALSE(all.step());
}

TEST_F(BaseIndexerTest, StaysSoFarAheadOfTheStream) {
  BaseIndexer ahead = indexer({{{0, 16 * kMib}, DeltaKind::data}}, 16 * kMib, 2 * kMib);
  while (ahead.step()) continue;
  EXPECT_TRUE(knows(2 * kMib - kBlock));
  EXPECT_FALSE(knows(2 * kMib));
  ahead.passed(kMib / 2);
  EXPECT_FALSE(ahead.step()) << "the stream is within the first part";
  ahead.passed(kMib);
  while (ahead.step()) continue;
  EXPECT_TRUE(knows(3 * kMib - kBlock));
  EXPECT_FALSE(knows(3 * kMib));
}

TEST_F(BaseIndexerTest, LeavesOutWhatTheStreamHasPassed) {
  BaseIndexer ahead = indexer({{{0, 16 * kMib}, DeltaKind::data}}, 16 * kMib, 2 * kMib);
  ahead.passed(8 * kMib + 4096);
  while (ahead.step()) continue;
  EXPECT_FALSE(knows(7 * kMib));
  EXPECT_TRUE(knows(8 * kMib + kBlock));
}

TEST_F(BaseIndexerTest, FollowsTheStreamToTheEndOfThePlan) {
  BaseIndexer ahead = indexer({{{0, 16 * kMib}, DeltaKind::data}}, 16 * kMib, kMib);
  std::jthread thread([&](const std::stop_token& stop) { ahead.run(stop); });
  for (uint64_t position = 0; position < 16 * kMib; position += kMib) {
    ahead.passed(position);
    while (!knows(position + kMib - kBlock)) std::this_thread::yield();
  }
  ahead.passed(16 * kMib);
  thread.join();
  EXPECT_FALSE(ahead.step());
}

TEST_F(BaseIndexerTest, IsPausedUntilTheStreamIsThere) {
  BaseIndexer ahead = indexer({{{0, 16 * kMib}, DeltaKind::data}}, 16 * kMib, 2 * kMib);
  EXPECT_TRUE(ahead.step());
  ahead.pause();
  EXPECT_FALSE(ahead.step());
  ahead.passed(0);
  EXPECT_TRUE(ahead.step());
}

TEST_F(BaseIndexerTest, EndsWhereTheBaseCannotBeRead) {
  BaseIndexer ahead{
      std::make_unique<ListedPlan>(std::deque<DeltaExtent>{{{0, kMib}, DeltaKind::data}}),
      std::make_unique<BrokenReader>(), kMib, index_};
  EXPECT_FALSE(ahead.step());
  EXPECT_FALSE(ahead.step());
}

TEST_F(BaseIndexerTest, StopsWhileItWaits) {
  BaseIndexer ahead = indexer({{{0, 16 * kMib}, DeltaKind::data}}, 16 * kMib, kMib);
  std::jthread thread([&](const std::stop_token& stop) { ahead.run(stop); });
  while (!knows(kMib - kBlock)) std::this_thread::yield();
  thread = {};
  EXPECT_FALSE(knows(kMib));
}

}  // namespace
}  // namespace bsr
