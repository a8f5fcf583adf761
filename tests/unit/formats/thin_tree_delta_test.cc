// The differ of mapping trees against a naive one over maps, on thousands of random pairs; what it
// does not read.
#include "formats/thin_tree_delta.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/fakes/random_mappings.h"
#include "tests/fakes/thin_metadata_image.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

constexpr uint64_t kChunk = 64 << 10;
constexpr uint64_t kDataBlocks = 100000;
constexpr uint64_t kBase = 1;
constexpr uint64_t kTarget = 2;

using Shape = ThinMetadataBuilder::Shape;
using Changes = std::map<uint64_t, DeltaKind>;  // by thin block

/// What differs, the slow way.
Changes naive_delta(const MappingValues& base, const MappingValues& target) {
  Changes changes;
  for (const auto& [block, value] : base)
    if (!target.contains(block)) changes[block] = DeltaKind::unmap;
  for (const auto& [block, value] : target)
    if (!base.contains(block) || base.at(block) >> 24 != value >> 24)
      changes[block] = DeltaKind::data;
  return changes;
}

/// The extents that a source must yield for these changes in [first, end).
std::vector<DeltaExtent> merged(const Changes& changes, uint64_t first = 0,
                                uint64_t end = UINT64_MAX) {
  std::vector<DeltaExtent> extents;
  for (auto at = changes.lower_bound(first); at != changes.end() && at->first < end; ++at) {
    const auto& [block, kind] = *at;
    if (!extents.empty() && extents.back().kind == kind &&
        extents.back().extent.end() == block * kChunk)
      extents.back().extent.length += kChunk;
    else
      extents.push_back({{block * kChunk, kChunk}, kind});
  }
  return extents;
}

std::vector<DeltaExtent> drain(DeltaSource& source) {
  std::vector<DeltaExtent> extents;
  while (auto extent = source.next()) extents.push_back(*extent);
  return extents;
}

std::vector<DeltaExtent> delta_of(ThinMetadataImage& image, uint64_t begin = 0,
                                  uint64_t end = UINT64_MAX) {
  const ThinMetadata metadata(image, MetadataState::current);
  return drain(*tree_delta(metadata, kBase, kTarget, begin, end));
}

std::vector<DeltaExtent> full_of(ThinMetadataImage& image, uint64_t begin = 0,
                                 uint64_t end = UINT64_MAX) {
  const ThinMetadata metadata(image, MetadataState::current);
  return drain(*full_tree_delta(metadata, kTarget, begin, end));
}

ThinMetadataImage pool(const MappingValues& base, const MappingValues& target, Shape shape = {},
                       std::optional<Shape> target_shape = std::nullopt) {
  ThinMetadataBuilder builder(shape);
  builder.device(kBase, base);
  builder.set_shape(target_shape.value_or(shape));
  builder.device(kTarget, target);
  return builder.finish();
}

MappingValues sequence(uint64_t first, uint64_t count, uint64_t data = 5000) {
  MappingValues mappings;
  for (uint64_t i = 0; i < count; ++i) mappings[first + i] = mapping_value(data + i);
  return mappings;
}

Shape random_shape(std::mt19937_64& dice) {
  const uint64_t fanouts[] = {2, 3, 8, 100};
  return {.fanout = fanouts[dice() % 4],
          .share = dice() % 8 != 0,
          .loose_keys = dice() % 2 == 0 ? 0u : 30u,
          .copied = dice() % 2 == 0 ? 0u : 20u,
          .salt = dice() % 4};
}

/// Two snapshots that nobody made a snapshot of, of a volume of which 8 chunks were written
/// between.
ThinMetadataImage two_snapshots(uint32_t base_snapshotted = 11) {
  const MappingValues base = sequence(0, 150000);
  MappingValues target = base;
  for (uint64_t i = 0; i < 8; ++i) target[i * 15000 + 7] = mapping_value(1, 11);
  ThinMetadataBuilder builder;
  builder.device({kBase, base.size(), 0, 11, base_snapshotted}, base);
  builder.device({kTarget, target.size(), 1, 12, 12}, target);
  return builder.finish();
}

TEST(TreeDelta, FindsStatesWithoutReadingMore) {
  ThinMetadataImage image = two_snapshots();
  const ThinMetadata metadata(image, MetadataState::current);
  OwnOfBoth own(metadata, kBase, kTarget);
  image.forget_reads();
  const auto without = delta_of(image);
  const std::set<uint64_t> needed = image.read_blocks;
  image.forget_reads();
  EXPECT_EQ(without, drain(*tree_delta(metadata, kBase, kTarget, 0, UINT64_MAX, &own)));
  EXPECT_TRUE(std::ranges::includes(needed, image.read_blocks));
  EXPECT_EQ(device_state(metadata, kBase), own.base->finish());
  EXPECT_EQ(device_state(metadata, kTarget), own.target.finish());
}

TEST(TreeDelta, LooksIntoSharedTreesOfABaseThatWasCloned) {
  ThinMetadataImage image = two_snapshots(13);
  const ThinMetadata metadata(image, MetadataState::current);
  OwnOfBoth own(metadata, kBase, kTarget);
  image.forget_reads();
  EXPECT_EQ(8, drain(*tree_delta(metadata, kBase, kTarget, 0, UINT64_MAX, &own)).size());
  EXPECT_GT(image.read_blocks.size(), 1000);
  EXPECT_LT(image.reads_unannounced, 20);
}

/// The base was written to, and then somebody went on from it.
TEST(TreeDelta, NamesWhatTheTargetSharesOfTheBasesOwn) {
  const MappingValues base = {{1, mapping_value(500, 10)},
                              {2, mapping_value(501, 11)},
                              {3, mapping_value(502, 11)},
                              {4, mapping_value(503, 11)}};
  const MappingValues target = {
      {1, mapping_value(500, 10)}, {2, mapping_value(501, 11)}, {3, mapping_value(700, 12)}};
  ThinMetadataBuilder builder;
  builder.device({kBase, base.size(), 0, 11, 12}, base);
  builder.device({kTarget, target.size(), 1, 12, 12}, target);
  ThinMetadataImage image = builder.finish();
  const ThinMetadata metadata(image, MetadataState::current);

  OwnOfBoth own(metadata, kBase, kTarget);
  EXPECT_EQ((std::vector<DeltaExtent>{{{2 * kChunk, 2 * kChunk}, DeltaKind::data},
                                      {{4 * kChunk, kChunk}, DeltaKind::unmap}}),
            drain(*tree_delta(metadata, kBase, kTarget, 0, UINT64_MAX, &own)));
  EXPECT_EQ(3, own.base->finish().own_blocks);

  OwnOfBoth again(metadata, kBase, kTarget);
  EXPECT_EQ((std::vector<DeltaExtent>{{{2 * kChunk, kChunk}, DeltaKind::data}}),
            drain(*shared_own_delta(metadata, kBase, kTarget, 0, UINT64_MAX, again)));
  EXPECT_EQ((std::vector<DeltaExtent>{{{3 * kChunk, kChunk}, DeltaKind::data},
                                      {{4 * kChunk, kChunk}, DeltaKind::unmap}}),
            delta_of(image));
}

TEST(TreeDelta, EqualsNaiveDeltaOnRandomPairs) {
  std::mt19937_64 dice(20240611);
  for (int round = 0; round < 2500; ++round) {
    SCOPED_TRACE(round);
    const uint64_t blocks = dice() % 2 == 0 ? 300 : uint64_t{1} << 40;
    const MappingValues base = random_mappings(dice, blocks, kDataBlocks);
    MappingValues target = dice() % 10 == 0 ? random_mappings(dice, blocks, kDataBlocks) : base;
    mutate(target, dice, blocks, kDataBlocks);
    const Shape shape = random_shape(dice);
    ThinMetadataImage image =
        pool(base, target, shape, dice() % 4 == 0 ? random_shape(dice) : shape);

    const Changes changes = naive_delta(base, target);
    ASSERT_EQ(merged(changes), delta_of(image));
    ASSERT_EQ(merged(naive_delta({}, target)), full_of(image));

    const uint64_t first = dice() % 300;
    const uint64_t end = first + dice() % 300;
    ASSERT_EQ(merged(changes, first, end), delta_of(image, first * kChunk, end * kChunk));
    ASSERT_EQ(merged(naive_delta({}, target), first, end),
              full_of(image, first * kChunk, end * kChunk));
  }
}

TEST(TreeDelta, YieldsDataForChangedAndNewAndUnmapForDiscardedBlocks) {
  ThinMetadataImage image =
      pool({{1, mapping_value(1)}, {2, mapping_value(2)}, {3, mapping_value(3)}},
           {{2, mapping_value(9)}, {3, mapping_value(3)}, {4, mapping_value(4)}});
  EXPECT_EQ((std::vector<DeltaExtent>{{{1 * kChunk, kChunk}, DeltaKind::unmap},
                                      {{2 * kChunk, kChunk}, DeltaKind::data},
                                      {{4 * kChunk, kChunk}, DeltaKind::data}}),
            delta_of(image));
}

TEST(TreeDelta, IgnoresTheTimeOfMappings) {
  ThinMetadataImage image = pool({{1, mapping_value(1, 1)}}, {{1, mapping_value(1, 2)}});
  EXPECT_TRUE(delta_of(image).empty());
}

TEST(TreeDelta, YieldsEverythingAgainstAnEmptyDevice) {
  ThinMetadataImage image = pool({}, sequence(10, 1000), {.fanout = 5});
  EXPECT_EQ((std::vector<DeltaExtent>{{{10 * kChunk, 1000 * kChunk}, DeltaKind::data}}),
            delta_of(image));
  ThinMetadataImage emptied = pool(sequence(10, 1000), {}, {.fanout = 5});
  EXPECT_EQ((std::vector<DeltaExtent>{{{10 * kChunk, 1000 * kChunk}, DeltaKind::unmap}}),
            delta_of(emptied));
}

TEST(TreeDelta, YieldsWholeChunksThatOverlapTheRange) {
  ThinMetadataImage image = pool({}, sequence(0, 10));
  EXPECT_EQ((std::vector<DeltaExtent>{{{2 * kChunk, 3 * kChunk}, DeltaKind::data}}),
            delta_of(image, 2 * kChunk + 1, 4 * kChunk + 1));
  EXPECT_EQ((std::vector<DeltaExtent>{{{2 * kChunk, 2 * kChunk}, DeltaKind::data}}),
            full_of(image, 3 * kChunk - 1, 4 * kChunk));
  EXPECT_TRUE(full_of(image, 3, 3).empty());
}

TEST(TreeDelta, ReadsNoTreeThatBothDevicesShare) {
  const MappingValues mappings = sequence(0, 150000);
  ThinMetadataImage image = pool(mappings, mappings);
  image.forget_reads();
  EXPECT_TRUE(delta_of(image).empty());
  EXPECT_LE(image.read_blocks.size(), 20);
}

TEST(TreeDelta, ReadsOnlyTheWaysToWhatChanged) {
  const MappingValues base = sequence(0, 150000);
  MappingValues target = base;
  for (uint64_t i = 0; i < 10; ++i) target[i * 15000 + 7] = mapping_value(1);
  ThinMetadataImage image = pool(base, target);
  image.forget_reads();

  EXPECT_EQ(10, delta_of(image).size());
  EXPECT_LE(image.read_blocks.size(), 20 + 2 * 10 * 3);  // about 1500 leaves in each tree
}

TEST(TreeDelta, StaysInStepWhenOneTreeIsHigher) {
  const MappingValues base = sequence(0, 200);
  MappingValues target = base;
  target.merge(sequence(1000000, 100000, 300000));
  ThinMetadataImage image = pool(base, target, {.fanout = 20});
  image.forget_reads();

  const ThinMetadata metadata(image, MetadataState::current);
  EXPECT_TRUE(drain(*tree_delta(metadata, kBase, kTarget, 0, 1000000 * kChunk)).empty());
  EXPECT_LE(image.read_blocks.size(), 60);
}

TEST(TreeDelta, ReadsNothingBehindTheRange) {
  ThinMetadataImage image = pool({}, sequence(0, 150000));
  image.forget_reads();
  EXPECT_EQ(1, full_of(image, 100 * kChunk, 200 * kChunk).size());
  EXPECT_LE(image.read_blocks.size(), 20);
}

TEST(TreeDelta, AnnouncesOnlyWhatItThenReads) {
  std::mt19937_64 dice(20261122);
  for (int round = 0; round < 1000; ++round) {
    SCOPED_TRACE(round);
    const MappingValues base = random_mappings(dice, 300, kDataBlocks);
    MappingValues target = base;
    mutate(target, dice, 300, kDataBlocks);
    const Shape shape = random_shape(dice);
    ThinMetadataImage image =
        pool(base, target, shape, dice() % 4 == 0 ? random_shape(dice) : shape);
    const uint64_t first = dice() % 200;
    for (const bool whole : {true, false}) {
      image.forget_reads();
      delta_of(image, whole ? 0 : first * kChunk, whole ? UINT64_MAX : (first + 50) * kChunk);
      ASSERT_TRUE(std::ranges::includes(image.read_blocks, image.announced));
    }
  }
}

TEST(TreeDelta, AnnouncesNearlyAllThatItReadsAndNotTooMuchAtOnce) {
  const MappingValues base = sequence(0, 150000);
  MappingValues target = base;
  for (uint64_t i = 0; i < 200; ++i) target[i * 750 + 7] = mapping_value(1);
  ThinMetadataImage image = pool(base, target, {.fanout = 30});

  image.forget_reads();
  EXPECT_EQ(200, delta_of(image).size());
  EXPECT_GT(image.read_blocks.size(), 400);
  EXPECT_LT(image.reads_unannounced, 20);
  EXPECT_LT(image.most_at_once, 100);

  image.forget_reads();
  EXPECT_EQ(1, full_of(image).size());
  EXPECT_GT(image.read_blocks.size(), 4000);
  EXPECT_LT(image.reads_unannounced, 20);
  EXPECT_LT(image.most_at_once, 100);
}

TEST(TreeDelta, RefusesBlockThatStandsAtTwoLevels) {
  constexpr size_t kSize = 16;
  constexpr size_t kKeys = 32;
  constexpr size_t kValues = kKeys + 8 * 252;
  const MappingValues mappings = sequence(0, 200);
  ThinMetadataImage image = pool(mappings, mappings, {.fanout = 4, .share = false});
  const ThinMetadata metadata(image, MetadataState::current);
  const auto word = [&](uint64_t block, size_t at) { return load_le<uint64_t>(image[block], at); };
  const uint64_t base_child = word(metadata.mapping_root(kBase), kValues);
  const uint64_t target_root = metadata.mapping_root(kTarget);
  // What is the base's second grandchild becomes the target's second child.
  image.patch<uint32_t>(word(target_root, kValues), kSize, 1);
  image.patch<uint32_t>(target_root, kSize, 2);
  image.patch<uint64_t>(target_root, kKeys + 8, word(base_child, kKeys + 8));
  image.patch<uint64_t>(target_root, kValues + 8, word(base_child, kValues + 8));

  const auto error = error_thrown_by([&] { delta_of(image); });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::corrupt, error->kind());
  EXPECT_NE(std::string(error->what()).find("stands at two levels"), std::string::npos);
}

TEST(TreeDelta, RefusesDamageInWhatItReads) {
  std::mt19937_64 dice(3);
  const MappingValues base = sequence(0, 300);
  MappingValues target = base;
  mutate(target, dice, 300, kDataBlocks);
  const ThinMetadataImage good = pool(base, target, {.fanout = 4});
  ThinMetadataImage scratch = good;
  const auto truth = delta_of(scratch);
  int refused = 0;
  for (int round = 0; round < 800; ++round) {
    ThinMetadataImage image = good;
    const uint64_t block = dice() % good.count();
    image[block][dice() % 4096] ^= std::byte(1 + dice() % 255);
    std::vector<DeltaExtent> found;
    const auto error = error_thrown_by([&] { found = delta_of(image); });
    if (error) {
      ++refused;
      ASSERT_EQ(ErrorKind::corrupt, error->kind());
    } else {
      ASSERT_EQ(truth, found);
    }
  }
  EXPECT_GT(refused, 80);
}

TEST(TreeDelta, RefusesDamageNoEarlierThanItComesThere) {
  MappingValues mappings;
  for (uint64_t i = 0; i < 1000; ++i) mappings[2 * i] = mapping_value(i);
  ThinMetadataImage image = pool({}, mappings, {.fanout = 4});
  ASSERT_EQ(900, full_of(image, 0, 2 * 900 * kChunk).size());
  const std::set<uint64_t> before = image.read_blocks;
  for (uint64_t block = 1; block < image.count(); ++block)
    if (!before.contains(block)) image[block][40] ^= std::byte{1};

  const ThinMetadata metadata(image, MetadataState::current);
  const auto source = full_tree_delta(metadata, kTarget, 0, UINT64_MAX);
  size_t found = 0;
  EXPECT_EQ(ErrorKind::corrupt, kind_thrown_by([&] {
              while (source->next()) ++found;
            }));
  EXPECT_GE(found, 898);  // two are waited for, to see what can be merged
}

TEST(TreeDelta, NamesDeviceThatIsNotThere) {
  ThinMetadataImage image = pool({}, {});
  const ThinMetadata metadata(image, MetadataState::current);
  for (const auto& [base, target] : std::vector<std::pair<uint64_t, uint64_t>>{{1, 3}, {3, 1}}) {
    const auto error =
        error_thrown_by([&] { (void)tree_delta(metadata, base, target, 0, UINT64_MAX); });
    ASSERT_TRUE(error);
    EXPECT_STREQ("the pool has no thin device 3", error->what());
  }
}

}  // namespace
}  // namespace bsr
