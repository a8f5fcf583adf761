// What counts as progress, and that claims alone run out of it.
#include "formats/advance.h"

#include <gtest/gtest.h>

#include "tests/unit/formats/stream_builder.h"

namespace bsr {
namespace {

constexpr uint64_t kVolume = 1ULL << 30;
constexpr uint64_t kShare = kVolume / kAdvanceShares;

AdvanceMeter begun(uint64_t volume_size = kVolume) {
  AdvanceMeter meter;
  EXPECT_EQ(Advance::progress, meter.of(full_begin(volume_size), 0));
  return meter;
}

TEST(AdvanceMeter, BytesOfTheVolumeAreProgress) {
  AdvanceMeter meter = begun();
  EXPECT_EQ(Advance::progress, meter.of(data_frame({{0, 512}}), 512));
  EXPECT_EQ(Advance::progress, meter.of(patch_frame({{4096, 4096}}), 8192));
}

TEST(AdvanceMeter, AFrameThatMayBePassedOverIsNothing) {
  AdvanceMeter meter = begun();
  EXPECT_EQ(Advance::none, meter.of(UnknownFrame{0x8000}, kVolume));
}

TEST(AdvanceMeter, ACheckpointThatStandsStillIsASignOfLife) {
  AdvanceMeter meter = begun();
  EXPECT_EQ(Advance::sign_of_life, meter.of(CheckpointFrame{0, {}}, 0));
  EXPECT_EQ(Advance::progress, meter.of(CheckpointFrame{kShare, {}}, kShare));
  EXPECT_EQ(Advance::sign_of_life, meter.of(CheckpointFrame{kShare, {}}, kShare));
}

TEST(AdvanceMeter, SmallStepsAddUpToAShare) {
  AdvanceMeter meter = begun();
  EXPECT_EQ(Advance::sign_of_life, meter.of(CheckpointFrame{kShare - 512, {}}, kShare - 512));
  EXPECT_EQ(Advance::progress, meter.of(ZeroFrame{{{kShare - 512, 512}}}, kShare));
  EXPECT_EQ(Advance::sign_of_life, meter.of(UnmapFrame{{{kShare, 512}}}, kShare + 512));
}

TEST(AdvanceMeter, WhatBytesWentPastDoesNotCountAgain) {
  AdvanceMeter meter = begun();
  EXPECT_EQ(Advance::progress, meter.of(data_frame({{kShare, 512}}), kShare + 512));
  EXPECT_EQ(Advance::sign_of_life, meter.of(CheckpointFrame{2 * kShare, {}}, 2 * kShare));
}

TEST(AdvanceMeter, FramesWithoutBytesAreProgressNoMoreOftenThanThereAreShares) {
  for (const uint64_t size : {uint64_t{512}, uint64_t{1} << 20, kVolume + 512, uint64_t{1} << 62}) {
    AdvanceMeter meter = begun(size);
    uint64_t progress = 0;
    uint64_t position = 0;
    for (uint64_t step = 1; position < size; step += 512) {
      position = std::min(size, position + std::max<uint64_t>(size / 100'000, 1) + step % 3);
      if (meter.of(ZeroFrame{{{0, 512}}}, position) == Advance::progress) ++progress;
      EXPECT_EQ(Advance::sign_of_life, meter.of(CheckpointFrame{position, {}}, position));
    }
    EXPECT_LE(progress, kAdvanceShares);
    EXPECT_GE(progress, 1U);
  }
}

TEST(AdvanceMeter, AResumedStreamBeginsWhereItResumes) {
  AdvanceMeter meter;
  EXPECT_EQ(Advance::progress, meter.of(full_begin(kVolume), kVolume / 2));
  EXPECT_EQ(Advance::sign_of_life, meter.of(CheckpointFrame{kVolume / 2, {}}, kVolume / 2));
}

TEST(AdvanceMeter, WhatIsSaidOfEarlierPlacesCountsByItsOwnShares) {
  AdvanceMeter meter;
  EXPECT_EQ(Advance::progress, meter.of(full_begin(kVolume), kVolume / 2));
  EXPECT_EQ(Advance::sign_of_life, meter.of(HoldsFrame{{{0, 512}}, {}}, kVolume / 2));
  EXPECT_EQ(Advance::progress, meter.of(HoldsFrame{{{kShare, 512}}, {}}, kVolume / 2));
  EXPECT_EQ(Advance::sign_of_life, meter.of(HoldsFrame{{{kShare + 512, 512}}, {}}, kVolume / 2));
  EXPECT_EQ(Advance::sign_of_life, meter.of(CheckpointFrame{kVolume / 2, {}}, kVolume / 2));
}

TEST(AdvanceMeter, SoDoesWhatWasLookedAt) {
  AdvanceMeter meter = begun();
  EXPECT_EQ(Advance::progress, meter.of(data_frame({{kVolume - 512, 512}}), kVolume));
  EXPECT_EQ(Advance::sign_of_life, meter.of(ContentFrame{0}, kVolume));
  EXPECT_EQ(Advance::sign_of_life, meter.of(ContentFrame{kShare - 1}, kVolume));
  EXPECT_EQ(Advance::progress, meter.of(ContentFrame{kShare}, kVolume));
  EXPECT_EQ(Advance::sign_of_life, meter.of(ContentFrame{kShare}, kVolume));
  EXPECT_EQ(Advance::progress, meter.of(ContentFrame{kVolume}, kVolume));
  EXPECT_EQ(Advance::sign_of_life, meter.of(CheckpointFrame{kVolume, {}}, kVolume));
}

TEST(AdvanceMeter, TheEndIsProgress) {
  AdvanceMeter meter = begun();
  EXPECT_EQ(Advance::progress, meter.of(EndFrame{}, 0));
}

}  // namespace
}  // namespace bsr
