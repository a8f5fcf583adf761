// What counts in the state of a thin device and what does not, and which mappings are its own.
#include "formats/thin_device_state.h"

#include <gtest/gtest.h>

#include "tests/fakes/thin_metadata_image.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

constexpr uint64_t kChunk = 64 << 10;
constexpr ThinDevice kSnapshot = {.thin_id = 5,
                                  .mapped_blocks = 4,
                                  .transaction_id = 8,
                                  .creation_time = 3,
                                  .snapshotted_time = 3};
const MappingValues kMappings = {{0, mapping_value(10, 3)},
                                 {1, mapping_value(11, 2)},
                                 {2, mapping_value(12, 4)},
                                 {9, mapping_value(13, 0)}};

ThinDeviceState state_of(const ThinDevice& device, const MappingValues& mappings) {
  ThinMetadataBuilder builder;
  builder.device(device, mappings);
  ThinMetadataImage image = builder.finish();
  return device_state(ThinMetadata(image, MetadataState::current), device.thin_id);
}

MappingValues with(uint64_t block, uint64_t value) {
  MappingValues mappings = kMappings;
  mappings[block] = value;
  return mappings;
}

TEST(ThinDeviceState, CountsWhatIsMappedAndWhatOfThatIsOwn) {
  const ThinDeviceState state = state_of(kSnapshot, kMappings);
  EXPECT_EQ(4, state.mapped_blocks);
  EXPECT_EQ(2, state.own_blocks);
}

TEST(ThinDeviceState, IsAnotherForEveryMappingThatBecameAnOwnOne) {
  const ThinDeviceState state = state_of(kSnapshot, kMappings);
  EXPECT_NE(state, state_of(kSnapshot, with(1, mapping_value(11, 3))));
  EXPECT_NE(state, state_of(kSnapshot, with(9, mapping_value(99, 7))));
}

TEST(ThinDeviceState, IsAnotherWhereOwnMappingsLieElsewhere) {
  MappingValues moved = with(1, mapping_value(11, 4));  // one more
  moved[0] = mapping_value(10, 2);                      // and one less
  EXPECT_EQ(2, state_of(kSnapshot, moved).own_blocks);
  EXPECT_NE(state_of(kSnapshot, kMappings).state, state_of(kSnapshot, moved).state);
}

/// As many, in as many runs that begin where they did.
TEST(ThinDeviceState, IsAnotherWhereRunsOfOwnMappingsEndElsewhere) {
  const auto inherited_at = [](uint64_t block) {
    MappingValues mappings;
    for (const uint64_t own : {0, 1, 4, 5}) mappings[own] = mapping_value(10 + own, 3);
    mappings[block] = mapping_value(10 + block, 2);
    return state_of(kSnapshot, mappings);
  };
  EXPECT_EQ(inherited_at(1).own_blocks, inherited_at(5).own_blocks);
  EXPECT_NE(inherited_at(1).state, inherited_at(5).state);
}

TEST(ThinDeviceState, IsAnotherForAnotherDeviceAndAnotherNumberOfMappings) {
  const SourceState state = state_of(kSnapshot, kMappings).state;
  const auto differs = [&](auto change) {
    ThinDevice device = kSnapshot;
    change(device);
    return state_of(device, kMappings).state != state;
  };
  EXPECT_TRUE(differs([](ThinDevice& device) { device.thin_id = 6; }));
  EXPECT_TRUE(differs([](ThinDevice& device) { device.transaction_id = 9; }));
  EXPECT_TRUE(differs([](ThinDevice& device) { device.creation_time = 2; }));  // 1 is as old
  EXPECT_TRUE(differs([](ThinDevice& device) { device.mapped_blocks = 3; }));
}

TEST(ThinDeviceState, IsTheSameForASnapshotOfItAndOtherBlocks) {
  const ThinDeviceState state = state_of(kSnapshot, kMappings);
  ThinDevice cloned = kSnapshot;
  cloned.snapshotted_time = 30;
  EXPECT_EQ(state, state_of(cloned, kMappings));
  EXPECT_EQ(state, state_of(kSnapshot, with(1, mapping_value(500, 1))));
  EXPECT_EQ(state, state_of(kSnapshot, with(2, mapping_value(500, 5))));
}

TEST(ThinDeviceState, ListsOwnMappingsByChunkAndRange) {
  ThinMetadataBuilder builder({.fanout = 2});
  builder.device(kSnapshot, with(1, mapping_value(20, 3)));
  ThinMetadataImage image = builder.finish();
  const ThinMetadata metadata(image, MetadataState::current);
  const auto listed = [&](uint64_t begin, uint64_t end) {
    std::vector<DeltaExtent> extents;
    const auto source = own_mappings(metadata, 5, begin, end);
    while (const auto extent = source->next()) extents.push_back(*extent);
    return extents;
  };
  EXPECT_EQ((std::vector<DeltaExtent>{{{0, 3 * kChunk}, DeltaKind::data}}), listed(0, UINT64_MAX));
  EXPECT_EQ((std::vector<DeltaExtent>{{{kChunk, kChunk}, DeltaKind::data}}),
            listed(kChunk + 512, 2 * kChunk));
  EXPECT_TRUE(listed(0, 0).empty());
}

TEST(ThinDeviceState, NamesADeviceThatIsNotThere) {
  ThinMetadataImage image = ThinMetadataBuilder().finish();
  const ThinMetadata metadata(image, MetadataState::current);
  const auto error = error_thrown_by([&] { (void)device_state(metadata, 3); });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::failed, error->kind());
  EXPECT_STREQ("the pool has no thin device 3", error->what());
}

}  // namespace
}  // namespace bsr
