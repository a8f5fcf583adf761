// Order, bounds and failures of the threads that read, encode and write.
#include "bsr-send/pipeline.h"

#include <gtest/gtest.h>

#include "tests/fakes/listed_plan.h"
#include "tests/fakes/memory_volume.h"
#include "tests/fakes/random_bytes.h"
#include "tests/fakes/thrown_error.h"
#include "tests/fakes/whole_volume.h"

namespace bsr {
namespace {

constexpr uint64_t kVolume = 8 << 20;

class FailingVolume final : public VolumeReader {
 public:
  void read(uint64_t offset, std::span<std::byte> into) override {
    if (offset >= kVolume / 2) fail(ErrorKind::failed, "disk broke");
    std::ranges::fill(into, std::byte{1});
  }
};

class CollectingWriter final : public CutWriter {
 public:
  explicit CollectingWriter(size_t fail_after = SIZE_MAX) : fail_after_(fail_after) {}
  void write(CutPtr cut) override {
    ends.push_back(cut->end);
    data += cut->bytes_of(stream::FrameType::data);
    zeros += cut->bytes_of(stream::FrameType::zero);
    if (cut->body) sent += cut->body->content.size();
    if (ends.size() == fail_after_) fail(ErrorKind::peer, "reader gone");
  }
  std::vector<uint64_t> ends;
  uint64_t data = 0;
  uint64_t zeros = 0;
  uint64_t sent = 0;

 private:
  size_t fail_after_;
};

Bytes volume_content() {
  Bytes bytes(kVolume);
  for (size_t i = 0; i < bytes.size(); i += 4096)
    bytes[i] = static_cast<std::byte>(1 + i / 4096 % 255);
  return bytes;
}

/// Bytes of the stream that the volume becomes.
uint64_t shipped(Bytes content, const EffortSettings& settings, unsigned workers = 0) {
  WholeVolume plan(content.size());
  MemoryVolume volume(std::move(content));
  PieceReader pieces(plan, volume);
  CollectingWriter out;
  Effort effort(settings, std::max(workers, 1U));
  ship(pieces, out, effort, workers);
  return out.sent;
}

/// Frames of which the second half repeats the first, which no sample shows.
Bytes repeating_noise(size_t frames) {
  Bytes content;
  for (unsigned i = 0; i < frames; ++i) {
    const Bytes half = random_bytes(kPieceContent / 2, i);
    append(content, half);
    append(content, half);
  }
  return content;
}

/// The first of eight would have been.
TEST(PipelineAlone, WhatLooksLikeNoiseIsNotCompressed) {
  Bytes content = random_bytes(17 * kPieceContent);
  append(content, repeating_noise(7));
  EXPECT_EQ(content.size(), shipped(content, {}));
}

TEST(PipelineAlone, WhatOnlyLooksLikeNoiseIsCompressed) {
  const Bytes content = repeating_noise(100);
  EXPECT_GT(content.size() * 52 / 100, shipped(content, {}));
}

TEST(PipelineAlone, AllIsCompressedWhereThatIsAsked) {
  Bytes content = random_bytes(16 * kPieceContent);
  append(content, repeating_noise(8));
  EXPECT_GT(content.size() - 3 * kPieceContent, shipped(content, {.compression = Compression{}}));
}

/// What moved by a sector is not shorter for its own bytes.
TEST(PipelineAlone, NoiseIsPackedAgainstItsBase) {
  constexpr size_t kSize = 16 * kPieceContent;
  const Bytes noise = random_bytes(kSize + 512);
  WholeVolume plan(kSize);
  MemoryVolume volume(Bytes(noise.begin() + 512, noise.end()));
  MemoryVolume base(Bytes(noise.begin(), noise.end() - 512));
  PieceReader pieces(plan, volume, {&base, kSize});
  CollectingWriter out;
  Effort effort({.base = true}, 1);
  ship(pieces, out, effort, 0);
  EXPECT_GT(kSize / 50, out.sent);
}

TEST(PipelineAlone, TellsWhatIsZerosAndWhatIsUnmapped) {
  Bytes content = random_bytes(1 << 20);
  content.resize(3 << 20);
  MemoryVolume volume(content);
  ListedPlan plan({{{0, 3 << 20}, DeltaKind::data}, {{3 << 20, 1 << 20}, DeltaKind::unmap}});
  PieceReader pieces(plan, volume);
  CollectingWriter out;
  Effort effort({}, 1);
  ship(pieces, out, effort, 0);
  EXPECT_EQ(1U << 20, out.data);
  EXPECT_EQ(2U << 20, out.zeros);
}

class Pipeline : public testing::TestWithParam<unsigned> {};

TEST_P(Pipeline, WritesPiecesInTheOrderOfTheVolume) {
  MemoryVolume volume(volume_content());
  WholeVolume plan(kVolume);
  PieceReader pieces(plan, volume);
  CollectingWriter out;
  Effort effort({}, GetParam());
  ship(pieces, out, effort, GetParam());
  EXPECT_TRUE(std::ranges::is_sorted(out.ends));
  ASSERT_FALSE(out.ends.empty());
  EXPECT_EQ(kVolume, out.ends.back());
}

/// Threads share how far samples are trusted.
TEST_P(Pipeline, CompressesWhatOnlyLooksLikeNoise) {
  const Bytes content = repeating_noise(100);
  EXPECT_GT(content.size() * 65 / 100, shipped(content, {}, GetParam()));
}

TEST_P(Pipeline, ReportsWhatTheReaderThrew) {
  FailingVolume volume;
  WholeVolume plan(kVolume);
  PieceReader pieces(plan, volume);
  CollectingWriter out;
  Effort effort({}, GetParam());
  const auto error = error_thrown_by([&] { ship(pieces, out, effort, GetParam()); });
  ASSERT_TRUE(error);
  EXPECT_STREQ("disk broke", error->what());
}

TEST_P(Pipeline, EndsAllThreadsWhenTheWriterThrows) {
  MemoryVolume volume(volume_content());
  WholeVolume plan(kVolume);
  PieceReader pieces(plan, volume);
  CollectingWriter out(3);
  Effort effort({}, GetParam());
  const auto error = error_thrown_by([&] { ship(pieces, out, effort, GetParam()); });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::peer, error->kind());
  EXPECT_EQ(3U, out.ends.size());
}

INSTANTIATE_TEST_SUITE_P(Workers, Pipeline, testing::Values(0U, 1U, 2U, 5U));

}  // namespace
}  // namespace bsr
