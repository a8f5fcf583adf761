// What a session says of the places that it sent before and that may have been written to since.
#include "bsr-send/holds.h"

#include <gtest/gtest.h>

#include "formats/digest.h"
#include "tests/fakes/listed_plan.h"
#include "tests/fakes/memory_volume.h"
#include "tests/unit/formats/stream_builder.h"

namespace bsr {
namespace {

constexpr uint64_t kMiB = 1 << 20;

std::vector<HoldsFrame> shipped(std::deque<DeltaExtent> own, MemoryVolume& volume) {
  ListedPlan plan(std::move(own));
  std::vector<HoldsFrame> frames;
  ship_holds(plan, volume, [&](const EncodedBody& body) {
    frames.push_back(std::get<HoldsFrame>(decoded(body)));
  });
  return frames;
}

MemoryVolume numbered_volume(uint64_t size) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i / 512 * 7 + i);
  return MemoryVolume(std::move(bytes));
}

TEST(Holds, NameEveryPlaceInFramesOfAMiB) {
  MemoryVolume volume = numbered_volume(4 * kMiB);
  const std::vector<HoldsFrame> frames =
      shipped({{{0, 65536}, DeltaKind::data}, {{131072, 2 * kMiB}, DeltaKind::data}}, volume);
  ASSERT_EQ(3, frames.size());
  EXPECT_EQ((std::vector<Extent>{{0, 65536}, {131072, kMiB - 65536}}), frames[0].extents);
  EXPECT_EQ((std::vector<Extent>{{kMiB + 65536, kMiB}}), frames[1].extents);
  EXPECT_EQ((std::vector<Extent>{{2 * kMiB + 65536, 65536}}), frames[2].extents);
  for (const HoldsFrame& frame : frames) {
    Bytes content(total_length(frame.extents));
    read_extents(volume, frame.extents, content);
    EXPECT_EQ(content_hash(stream::FrameType::holds, frame.extents, content), frame.content);
  }
}

TEST(Holds, AreNotMoreThanAFrameCanCount) {
  // No pool has chunks of less than 64 KiB; a frame could hold them all the same.
  MemoryVolume volume = numbered_volume(2 * kMiB);
  std::deque<DeltaExtent> own;
  for (uint64_t i = 0; i < stream::kMaxExtents + 1; ++i)
    own.push_back({{i * 256, 128}, DeltaKind::data});
  ListedPlan plan(std::move(own));
  std::vector<uint64_t> counts;
  ship_holds(plan, volume,
             [&](const EncodedBody& body) { counts.push_back(load_le<uint32_t>(body.table, 0)); });
  EXPECT_EQ((std::vector<uint64_t>{stream::kMaxExtents, 1}), counts);
}

TEST(Holds, AreNoneWhereNothingWasWritten) {
  MemoryVolume volume = numbered_volume(kMiB);
  EXPECT_TRUE(shipped({}, volume).empty());
}

}  // namespace
}  // namespace bsr
