// What a target holds after a session that was cut and one that went on, and what patches apply to.
#include "bsr-recv/applier.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/fakes/listed_plan.h"
#include "tests/fakes/memory_volume.h"
#include "tests/unit/formats/stream_builder.h"

namespace bsr {
namespace {

TEST(Applier, ACheckpointVouchesForWhatIsZeroBelowIt) {
  constexpr uint64_t kSize = 64 * 1024;
  MemoryVolume target(Bytes(kSize, std::byte{0xee}));
  BeginFrame begin;
  begin.volume_size = kSize;
  const auto no_base = []() -> VolumeReader& { throw std::logic_error("there is none"); };
  Applier first(target, begin, nullptr, {no_base, no_base});
  first.apply(DataFrame{{{0, 4096}}, AlignedBytes(4096, std::byte{1})});
  first.apply(CheckpointFrame{32 * 1024, {}});

  begin.resume.position = 32 * 1024;
  Applier second(target, begin, nullptr, {no_base, no_base});
  second.finish();
  Bytes expected(kSize, std::byte{0});
  std::fill_n(expected.begin(), 4096, std::byte{1});
  EXPECT_EQ(expected, target.content);
}

TEST(Applier, ZerosOnlyWhatMayHoldSomethingBehindTheBasesEnd) {
  class Zeros final : public VolumeSink {
   public:
    void write(std::span<const Extent>, AlignedBytes) override {}
    void zero(Extent extent) override { places.push_back(extent); }
    void wait() override {}
    void sync() override {}
    std::vector<Extent> places;
  };
  constexpr uint64_t kChunk = 64 * 1024;
  const BeginFrame begin = delta_begin(uint64_t{1} << 50, 8 * kChunk + 512);
  const auto not_asked = []() -> VolumeReader& { throw std::logic_error("it is not read"); };
  const auto mapped = [](uint64_t first, uint64_t count) {
    return DeltaExtent{{first * kChunk, count * kChunk}, DeltaKind::data};
  };
  Zeros target;
  Applier applier(target, begin,
                  std::make_unique<ListedPlan>(
                      std::deque{mapped(8, 2), mapped(20, 10), mapped(100, 1), mapped(300, 1)}),
                  {not_asked, not_asked});
  applier.apply(ZeroFrame{{{4096, 4096}}});              // of the base
  applier.apply(ZeroFrame{{{7 * kChunk, 2 * kChunk}}});  // across its end
  applier.apply(DataFrame{{{22 * kChunk, 512}}, AlignedBytes(512, std::byte{1})});
  applier.apply(UnmapFrame{{{25 * kChunk, 50 * kChunk}}});
  applier.apply(CheckpointFrame{200 * kChunk, {}});
  applier.finish();
  EXPECT_EQ((std::vector<Extent>{{4096, 4096},
                                 {7 * kChunk, kChunk + 512},
                                 {8 * kChunk + 512, kChunk - 512},
                                 {9 * kChunk, kChunk},
                                 {20 * kChunk, 2 * kChunk},
                                 {22 * kChunk + 512, 3 * kChunk - 512},
                                 {25 * kChunk, 5 * kChunk},
                                 {100 * kChunk, kChunk},
                                 {300 * kChunk, kChunk}}),
            target.places);
}

TEST(Applier, DoesNotGoOnWhereTheSnapshotHoldsSomethingElseThanWasSent) {
  MemoryVolume target(Bytes(64 * 1024, std::byte{0xee}));
  BeginFrame begin;
  begin.volume_size = 64 * 1024;
  begin.resume.position = 32 * 1024;
  const auto no_base = []() -> VolumeReader& { throw std::logic_error("there is none"); };
  const auto written = [&]() -> VolumeReader& { return target; };
  Applier applier(target, begin, nullptr, {no_base, written});
  const auto holds = [](std::byte what) {
    const std::vector<Extent> places = {{512, 512}, {4096, 1024}};
    return HoldsFrame{places,
                      content_hash(stream::FrameType::holds, places, Bytes(1536, std::byte{what}))};
  };
  applier.apply(holds(std::byte{0xee}));
  const Bytes before = target.content;
  EXPECT_EQ(ErrorKind::diverged, kind_thrown_by([&] { applier.apply(holds(std::byte{0xed})); }));
  EXPECT_EQ(before, target.content);
}

constexpr uint64_t kVolume = 64 * 1024;

/// Writes as late as it may.
class LazyVolume final : public VolumeReader, public VolumeSink {
 public:
  explicit LazyVolume(Bytes bytes) : volume_(std::move(bytes)) {}
  void read(uint64_t offset, std::span<std::byte> into) override {
    read_places.push_back({offset, into.size()});
    volume_.read(offset, into);
  }
  void write(std::span<const Extent> extents, AlignedBytes content) override {
    waiting_.push_back({{extents.begin(), extents.end()}, std::move(content)});
  }
  void zero(Extent extent) override { volume_.zero(extent); }
  void wait() override {
    ++waits;
    for (DataFrame& data : waiting_) volume_.write(data.extents, std::move(data.content));
    waiting_.clear();
  }
  void sync() override {}

  [[nodiscard]] const Bytes& content() {
    wait();
    return volume_.content;
  }

  std::vector<Extent> read_places;
  unsigned waits = 0;

 private:
  std::vector<DataFrame> waiting_;
  MemoryVolume volume_;
};

/// A target that keeps the base, and one frame before the patch: 12 KiB of data at 4096.
class PatchedTarget : public testing::Test {
 protected:
  PatchedTarget() {
    begin_ = delta_begin(kVolume, kVolume);
    append(data_.content, ByteView(random_bytes(12288, 2)));
    applier_.apply(DataFrame(data_));
  }

  static Bytes random_bytes(size_t size, unsigned seed) {
    std::mt19937_64 dice(seed);
    Bytes bytes(size);
    for (std::byte& byte : bytes) byte = static_cast<std::byte>(dice());
    return bytes;
  }

  /// Of the snapshot below `begin`, of the base from there on.
  [[nodiscard]] AlignedBytes by_the_rule(const std::vector<Extent>& places, uint64_t begin) const {
    Bytes mixed = base_before_;
    std::ranges::copy(data_.content, mixed.begin() + 4096);
    std::copy(base_before_.begin() + static_cast<std::ptrdiff_t>(begin), base_before_.end(),
              mixed.begin() + static_cast<std::ptrdiff_t>(begin));
    AlignedBytes bytes;
    for (const Extent& place : places)
      append(bytes, ByteView(mixed).subspan(place.offset, place.length));
    return bytes;
  }

  /// Made of what it refers to.
  [[nodiscard]] PatchFrame patch(const std::vector<Extent>& extents,
                                 const std::vector<Extent>& references) const {
    const uint64_t begin = extents.front().offset;
    PatchDraft draft{extents, {}, by_the_rule(references, begin), references};
    append(draft.base, by_the_rule(extents, begin));
    draft.content = draft.base;
    std::ranges::reverse(std::span(draft.content).first(100));
    draft.content.resize(total_length(extents));
    return std::get<PatchFrame>(decoded(encode(std::move(draft), kZstd)));
  }

  const Bytes base_before_ = random_bytes(kVolume, 1);
  MemoryVolume base_{base_before_};
  LazyVolume target_{Bytes(kVolume, std::byte{0xee})};
  BeginFrame begin_;
  DataFrame data_{{{4096, 12288}}, {}};
  unsigned base_asked_ = 0;
  Applier applier_{target_,
                   begin_,
                   nullptr,
                   {.base = [this]() -> VolumeReader& {
                      ++base_asked_;
                      return base_;
                    },
                    .written = [this]() -> VolumeReader& { return target_; }}};
};

TEST_F(PatchedTarget, ReadsWhatStandsBeforeThePatchWhereItWasWritten) {
  const PatchFrame frame = patch({{20480, 4096}}, {{4096, 4096}, {12288, 4096}});
  applier_.apply(PatchFrame(frame));
  EXPECT_EQ((std::vector<Extent>{{4096, 4096}, {12288, 4096}}), target_.read_places);
  AlignedBytes expected(data_.content.begin(), data_.content.begin() + 4096);
  std::ranges::reverse(std::span(expected).first(100));
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), target_.content().begin() + 20480));
}

TEST_F(PatchedTarget, ReadsTheBaseFromThePatchOn) {
  const PatchFrame frame =
      patch({{20480, 4096}, {32768, 4096}}, {{20480, 4096}, {28672, 4096}, {61440, 4096}});
  applier_.apply(PatchFrame(frame));
  EXPECT_TRUE(target_.read_places.empty());
  EXPECT_EQ(0U, target_.waits);
  Bytes expected(base_before_.begin() + 20480, base_before_.begin() + 24576);
  append(expected, ByteView(base_before_).subspan(28672, 4096));
  std::ranges::reverse(std::span(expected).first(100));
  ASSERT_EQ(8192U, expected.size());
  EXPECT_TRUE(
      std::equal(expected.begin(), expected.begin() + 4096, target_.content().begin() + 20480));
  EXPECT_TRUE(
      std::equal(expected.begin() + 4096, expected.end(), target_.content().begin() + 32768));
}

TEST_F(PatchedTarget, ReadsBothWhereAReferenceLiesAcrossItsBegin) {
  const std::vector<Extent> references = {{0, 4096}, {16384, 4096}, {24576, 4096}};
  const PatchFrame frame = patch({{17408, 4096}}, references);
  target_.write(std::vector<Extent>{{0, 4096}},  // what is not named is as in the base
                {base_before_.begin(), base_before_.begin() + 4096});
  target_.write(std::vector<Extent>{{16384, 1024}},
                {base_before_.begin() + 16384, base_before_.begin() + 17408});
  applier_.apply(PatchFrame(frame));
  EXPECT_EQ((std::vector<Extent>{{0, 4096}, {16384, 1024}}), target_.read_places);
  AlignedBytes expected = by_the_rule(references, 17408);
  std::ranges::reverse(std::span(expected).first(100));
  expected.resize(4096);
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), target_.content().begin() + 17408));
}

TEST_F(PatchedTarget, TakesNothingElseForAReference) {
  const std::vector<Extent> references = {{4096, 4096}, {32768, 4096}};
  PatchFrame frame = patch({{20480, 4096}}, references);
  const Bytes before = target_.content();
  const auto expect_refusal = [&] {
    EXPECT_EQ(ErrorKind::verify, kind_thrown_by([&] { applier_.apply(PatchFrame(frame)); }));
    EXPECT_EQ(before, target_.content());
  };
  base_.content[33000] ^= std::byte{1};
  expect_refusal();
  base_.content[33000] ^= std::byte{1};
  frame.references[0].offset = 8192;
  expect_refusal();
  frame.references[0].offset = 4096;
  EXPECT_NO_THROW(applier_.apply(PatchFrame(frame)));
}

TEST_F(PatchedTarget, TakesNothingElseForWhatWasWritten) {
  const PatchFrame frame = patch({{20480, 4096}}, {{4096, 4096}});
  data_.content[10] ^= std::byte{1};
  target_.write(data_.extents, AlignedBytes(data_.content));
  const Bytes before = target_.content();
  EXPECT_EQ(ErrorKind::verify, kind_thrown_by([&] { applier_.apply(PatchFrame(frame)); }));
  EXPECT_EQ(before, target_.content());
}

}  // namespace
}  // namespace bsr
