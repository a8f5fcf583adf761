// A stream beside what was made of its snapshot before: equal, or different in one byte anywhere.
#include "bsr-recv/held_comparison.h"

#include <gtest/gtest.h>

#include "bsr-recv/applier.h"
#include "formats/content_tree.h"
#include "tests/fakes/listed_plan.h"
#include "tests/fakes/memory_volume.h"
#include "tests/unit/formats/stream_builder.h"

namespace bsr {
namespace {

constexpr uint64_t kSize = 64 * 1024;

/// All of the volume may be other than zeros.
std::optional<ErrorKind> compared(const BeginFrame& begin, const std::vector<FrameBody>& frames,
                                  Bytes content,
                                  std::deque<DeltaExtent> mapped = {
                                      {{0, kSize}, DeltaKind::data}}) {
  MemoryVolume volume(std::move(content));
  ListedPlan plan(std::move(mapped));
  return kind_thrown_by([&] {
    HeldComparison comparison(volume, plan, begin, [] {});
    for (const FrameBody& frame : frames) comparison.look_at(frame);
    comparison.finish();
  });
}

Bytes applied(const BeginFrame& begin, const std::vector<FrameBody>& frames, Bytes before) {
  MemoryVolume volume(before);
  MemoryVolume base(std::move(before));
  Applier applier(
      volume, begin, nullptr,
      {[&]() -> VolumeReader& { return base; }, [&]() -> VolumeReader& { return volume; }});
  for (const FrameBody& frame : frames) applier.apply(FrameBody(frame));
  applier.finish();
  return volume.content;
}

/// The bytes of which a change is seen.
std::vector<bool> seen(const BeginFrame& begin, const std::vector<FrameBody>& frames,
                       const Bytes& content) {
  std::vector<bool> seen;
  for (size_t at = 0; at < content.size(); at += 512) {
    Bytes changed = content;
    changed[at + at / 512 % 512] ^= std::byte{0x10};
    seen.push_back(compared(begin, frames, changed) == ErrorKind::diverged);
  }
  return seen;
}

TEST(HeldComparison, SeesEveryByteOfAFullStream) {
  const BeginFrame begin = full_begin(kSize);
  const std::vector<FrameBody> frames = {data_frame({{512, 1024}, {4096, 512}}, 1),
                                         ZeroFrame{{{8192, 4096}}}, CheckpointFrame{20480, {}},
                                         data_frame({{32768, 512}}, 2)};
  const Bytes content = applied(begin, frames, Bytes(kSize));
  EXPECT_EQ(std::nullopt, compared(begin, frames, content));
  EXPECT_EQ(std::vector<bool>(kSize / 512, true), seen(begin, frames, content));
}

TEST(HeldComparison, SeesWhatAChangeNames) {
  const BeginFrame begin = delta_begin(kSize, kSize / 2);
  const std::vector<FrameBody> frames = {data_frame({{512, 1024}}, 1), UnmapFrame{{{8192, 4096}}},
                                         data_frame({{kSize - 512, 512}}, 2)};
  const Bytes content = applied(begin, frames, Bytes(kSize, std::byte{0xee}));
  EXPECT_EQ(std::nullopt, compared(begin, frames, content));
  std::vector<bool> expected(kSize / 512, true);
  for (size_t sector = 0; sector < kSize / 1024; ++sector)
    expected[sector] = sector == 1 || sector == 2 || (sector >= 16 && sector < 24);
  EXPECT_EQ(expected, seen(begin, frames, content));
}

/// By the hash of what shall come out of it: the base may be gone.
TEST(HeldComparison, SeesWhatAPatchMakes) {
  const BeginFrame begin = delta_begin(kSize, kSize);
  const PatchFrame patch = patch_frame({{4096, 1024}, {8192, 512}});
  const std::vector<FrameBody> frames = {patch};
  const AlignedBytes old = patch_base({{4096, 1024}, {8192, 512}});
  Bytes before(kSize);
  std::copy_n(old.begin(), 1024, before.begin() + 4096);
  std::copy_n(old.begin() + 1024, 512, before.begin() + 8192);
  const Bytes content = applied(begin, frames, before);
  EXPECT_EQ(std::nullopt, compared(begin, frames, content));
  EXPECT_EQ(ErrorKind::diverged, compared(begin, frames, before));
}

TEST(HeldComparison, SeesWhatTheSnapshotHoldsBelowTheResumePoint) {
  BeginFrame begin = full_begin(kSize);
  begin.resume.position = kSize / 2;
  Bytes content(kSize);
  content[700] = std::byte{1};
  const std::vector<Extent> places = {{512, 512}};
  const auto hash =
      content_hash(stream::FrameType::holds, places, ByteView(content).subspan(512, 512));
  EXPECT_EQ(std::nullopt, compared(begin, {HoldsFrame{places, hash}}, content));
  content[701] = std::byte{1};
  EXPECT_EQ(ErrorKind::diverged, compared(begin, {HoldsFrame{places, hash}}, content));
}

TEST(HeldComparison, ReadsOnlyWhatIsMappedWhereZerosAreMeant) {
  class Counting final : public VolumeReader {
   public:
    void read(uint64_t, std::span<std::byte> into) override {
      std::ranges::fill(into, std::byte{0});
      bytes += into.size();
    }
    uint64_t bytes = 0;
  };
  Counting volume;
  const BeginFrame begin = full_begin(uint64_t{1} << 50);
  ListedPlan mapped(
      {{{0, 65536}, DeltaKind::data}, {{uint64_t{1} << 40, 3 << 20}, DeltaKind::data}});
  HeldComparison comparison(volume, mapped, begin, [] {});
  comparison.look_at(ZeroFrame{{{512, (uint64_t{1} << 40) + (1 << 20)}}});
  comparison.finish();
  EXPECT_EQ(65536 + (3 << 20), volume.bytes);
}

}  // namespace
}  // namespace bsr
