// What a stream may bring is what its BEGIN announced, and that must be possible.
#include "formats/plan_limits.h"

#include <gtest/gtest.h>

#include "tests/unit/formats/stream_builder.h"

namespace bsr {
namespace {

constexpr uint64_t kVolume = 1 << 20;

BeginFrame planned(uint64_t data, uint64_t unmap, uint64_t extents = 1) {
  BeginFrame begin = delta_begin(kVolume, kVolume);
  begin.plan_data = data;
  begin.plan_unmap = unmap;
  begin.plan_extents = extents;
  return begin;
}

/// The number of the frame that is refused, if one is.
std::optional<size_t> refused(const std::vector<FrameBody>& frames) {
  PlanLimits limits;
  for (size_t i = 0; i < frames.size(); ++i) {
    const auto error = error_thrown_by([&] { limits.check(Frame{frames[i], i, 0, 0, false}); });
    if (!error) continue;
    EXPECT_EQ(ErrorKind::corrupt, error->kind());
    return i;
  }
  return std::nullopt;
}

TEST(PlanLimits, TakesAllThatIsPlanned) {
  EXPECT_EQ(std::nullopt,
            refused({planned(16384, 1024), data_frame({{0, 4096}}), patch_frame({{4096, 4096}}),
                     ZeroFrame{{{8192, 4096}, {16384, 4096}}}, UnmapFrame{{{32768, 1024}}},
                     CheckpointFrame{65536, {}}, UnknownFrame{0x8000}, EndFrame{}}));
}

TEST(PlanLimits, RefusesTheFrameThatGoesBeyondIt) {
  EXPECT_EQ(2U, refused({planned(4096, 0), data_frame({{0, 4096}}), data_frame({{4096, 512}})}));
  EXPECT_EQ(2U, refused({planned(4096, 0), data_frame({{0, 4096}}), patch_frame({{4096, 4096}})}));
  EXPECT_EQ(2U, refused({planned(4096, 0), data_frame({{0, 4096}}), ZeroFrame{{{4096, 512}}}}));
  EXPECT_EQ(1U, refused({planned(4096, 0), ZeroFrame{{{0, 2048}, {4096, 2560}}}}));
  EXPECT_EQ(2U, refused({planned(0, 4096), UnmapFrame{{{0, 4096}}}, UnmapFrame{{{4096, 512}}}}));
}

TEST(PlanLimits, WhatIsUnmappedIsNoData) {
  EXPECT_EQ(1U, refused({planned(4096, 0), UnmapFrame{{{0, 512}}}}));
  EXPECT_EQ(1U, refused({planned(0, 4096), data_frame({{0, 512}})}));
}

TEST(PlanLimits, RefusesAPlanThatNoSuchVolumeHas) {
  EXPECT_EQ(std::nullopt, refused({planned(kVolume, 0)}));
  EXPECT_EQ(0U, refused({planned(kVolume + 512, 0)}));
  EXPECT_EQ(std::nullopt, refused({planned(512, kVolume - 512, 2)}));
  EXPECT_EQ(0U, refused({planned(1024, kVolume - 512, 2)}));
  EXPECT_EQ(0U, refused({planned(0, UINT64_MAX)}));
  EXPECT_EQ(0U, refused({planned(kVolume, UINT64_MAX - kVolume + 1)}));  // their sum is 0
}

TEST(PlanLimits, RefusesMoreExtentsThanSectors) {
  EXPECT_EQ(std::nullopt, refused({planned(1024, 512, 3)}));
  EXPECT_EQ(0U, refused({planned(1024, 512, 4)}));
}

TEST(PlanLimits, WhatCameBeforeAResumedStreamCounts) {
  BeginFrame begin = planned(8192, 1024, 2);
  begin.resume = {65536, {.frames = 3, .data_bytes = 4096, .zero_bytes = 2048, .unmap_bytes = 512}};
  EXPECT_EQ(std::nullopt,
            refused({begin, data_frame({{65536, 2048}}), UnmapFrame{{{81920, 512}}}}));
  EXPECT_EQ(1U, refused({begin, data_frame({{65536, 2560}})}));
  EXPECT_EQ(1U, refused({begin, UnmapFrame{{{81920, 1024}}}}));
  begin.resume.totals.zero_bytes = 8192;
  EXPECT_EQ(0U, refused({begin}));
}

}  // namespace
}  // namespace bsr
