// Frames to bytes and back: nothing is lost, whatever the pieces in which the bytes arrive.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/formats/stream_builder.h"

namespace bsr {
namespace {

/// The frame alone, at the start of a stream.
Frame decoded(const Bytes& bytes) {
  FrameDecoder decoder;
  decoder.feed(bytes);
  std::optional<Frame> frame = decoder.next();
  EXPECT_TRUE(frame);
  return frame.value_or(Frame{});
}

std::string after_round_trip(const FrameBody& body, Compression compression = kPlain) {
  return describe(decoded(wire(body, 0, compression)).body);
}

TEST(Frame, BeginComesBackWithEveryField) {
  BeginFrame begin = delta_begin(uint64_t{3} << 40, uint64_t{2} << 40);
  begin.sector_size = 4096;
  begin.epoch = 17;
  begin.snapshot_time = -1;
  begin.plan_data = uint64_t{1} << 50;
  begin.plan_unmap = uint64_t{1} << 51;
  begin.plan_extents = uint64_t{1} << 33;
  begin.volume_id = std::string(63, '~');
  begin.name = std::string(127, ' ');
  begin.resume.position = 4096;
  begin.resume.totals = {1, 2, 3, 4, 5, {}};
  begin.resume.totals.digest.fill(std::byte{0xee});

  EXPECT_EQ(describe(begin), after_round_trip(begin));
}

TEST(Frame, ABeginWithoutBaseIsFull) {
  EXPECT_TRUE(full_begin().is_full());
  EXPECT_FALSE(delta_begin().is_full());
  EXPECT_EQ(describe(full_begin()), after_round_trip(full_begin()));
}

TEST(Frame, AnEmptyVolumeCanBeSent) {
  const Bytes bytes = whole_wire(full_begin(0), {});

  EXPECT_EQ(2U, receive(bytes).size());
}

TEST(Frame, DataComesBackPlainAndCompressed) {
  const DataFrame data = data_frame({{0, 4096}, {1 << 30, 512}});

  EXPECT_EQ(describe(data), after_round_trip(data, kPlain));
  EXPECT_EQ(describe(data), after_round_trip(data, kZstd));
}

TEST(Frame, TheLargestDataComesBack) {
  std::vector<Extent> extents;
  for (uint64_t i = 0; i < stream::kMaxContent / 512; ++i) extents.push_back({i * 1024, 512});
  const DataFrame data = data_frame(extents);
  const Bytes bytes = wire(data, 0);

  EXPECT_LE(bytes.size(), stream::kHeaderSize + stream::kMaxPayload);
  EXPECT_EQ(describe(data), describe(decoded(bytes).body));
}

TEST(Frame, TheLongestExtentTableComesBack) {
  ZeroFrame zero;
  for (uint64_t i = 0; i < stream::kMaxExtents; ++i) zero.extents.push_back({i * 1024, 512});

  EXPECT_EQ(describe(zero), after_round_trip(zero));
}

TEST(Frame, EveryCompressionLevelComesBack) {
  const DataFrame data = data_frame({{0, 65536}});
  for (int level = 1; level <= 19; ++level)
    EXPECT_EQ(describe(data), after_round_trip(data, {.enabled = true, .level = level})) << level;
}

TEST(Frame, DataThatDoesNotShrinkIsSentAsItIs) {
  DataFrame data = data_frame({{0, 4096}});
  std::mt19937_64 random(1);
  for (std::byte& b : data.content) b = static_cast<std::byte>(random());

  const Frame frame = decoded(wire(data, 0, kZstd));

  EXPECT_FALSE(frame.compressed);
  EXPECT_EQ(stream::kHeaderSize + 8 + 16 + 4096, frame.wire_length);
}

TEST(Frame, CompressedDataSaysSo) {
  EXPECT_TRUE(decoded(wire(data_frame({{0, 4096}}), 0, kZstd)).compressed);
  EXPECT_FALSE(decoded(wire(data_frame({{0, 4096}}), 0, kPlain)).compressed);
}

TEST(Frame, ZeroUnmapCheckpointAndEndComeBack) {
  const std::vector<Extent> extents = {{0, uint64_t{1} << 62}, {uint64_t{1} << 62, 512}};
  CheckpointFrame checkpoint{uint64_t{1} << 62, {}};
  checkpoint.digest.fill(std::byte{0x77});
  EndFrame end{{1, 2, 3, 4, 5, {}}, {}};
  end.content_root.fill(std::byte{0x77});
  end.digest.fill(std::byte{0x88});

  for (const FrameBody& body :
       std::vector<FrameBody>{ZeroFrame{extents}, UnmapFrame{extents}, checkpoint,
                              ContentFrame{uint64_t{1} << 62}, end})
    EXPECT_EQ(describe(body), after_round_trip(body));
}

TEST(Frame, StatesAndWhatASnapshotHoldsComeBack) {
  BeginFrame begin = delta_begin();
  begin.set_states({std::byte{1}, std::byte{2}}, {std::byte{3}});
  EXPECT_EQ(describe(begin), after_round_trip(begin));
  const HoldsFrame holds{{{0, 512}, {4096, (1 << 20) - 512}}, {7, uint64_t{8} << 60}};
  EXPECT_EQ(describe(holds), describe(decoded(wire(holds, 0)).body));
}

TEST(Frame, StatesAreAPartOfTheIdentityAndOfNothingOlder) {
  BeginFrame begin = delta_begin();
  EXPECT_EQ(stream::kBeginIdentityEnd, begin_identity(begin).size());
  EXPECT_EQ(stream::kBeginSize, begin_payload(begin).size());
  begin.set_states({std::byte{1}}, {});
  const Bytes one = begin_identity(begin);
  begin.set_states({std::byte{2}}, {});
  EXPECT_NE(one, begin_identity(begin));
  EXPECT_EQ(stream::kBeginSizeWithStates, begin_payload(begin).size());
}

TEST(Frame, ATextThatDoesNotFitIsNotCut) {
  BeginFrame begin = full_begin();
  begin.snapshot_id = std::string(64, 'x');

  EXPECT_EQ(ErrorKind::failed, kind_thrown_by([&] { (void)encode(begin); }));
}

TEST(FrameDecoder, TellsWhereAFrameStood) {
  const std::vector<FrameBody> bodies = small_stream();
  uint64_t position = 0;
  uint64_t sequence = 0;
  for (const Frame& frame : receive(wire(bodies))) {
    EXPECT_EQ(position, frame.position);
    EXPECT_EQ(sequence, frame.sequence);
    EXPECT_EQ(wire(bodies[sequence], sequence).size(), frame.wire_length);
    position += frame.wire_length;
    ++sequence;
  }
}

TEST(FrameDecoder, TakesPiecesOfAnySize) {
  const std::vector<FrameBody> bodies = small_stream();
  for (const Compression& compression : {kPlain, kZstd})
    for (const size_t piece : {1, 2, 3, 7, 39, 40, 41, 100, 4096})
      EXPECT_EQ(describe(bodies), describe(receive(wire(bodies, compression), piece))) << piece;
}

TEST(FrameDecoder, TakesAFrameWithItsLastByteAndNotBefore) {
  const Bytes bytes = wire(data_frame({{0, 512}}), 0);
  FrameDecoder decoder;

  decoder.feed(ByteView(bytes).first(bytes.size() - 1));
  EXPECT_FALSE(decoder.next());
  decoder.feed(ByteView(bytes).last(1));
  EXPECT_TRUE(decoder.next());
  EXPECT_EQ(bytes.size(), decoder.position());
}

TEST(FrameDecoder, KnowsAStreamByItsFirstByte) {
  const Bytes bytes = wire(full_begin(), 0);
  for (const size_t size : {1, 2, 3, 4, 5, 40})
    EXPECT_TRUE(looks_like_format1(ByteView(bytes).first(size))) << size;
  EXPECT_FALSE(looks_like_format1(std::as_bytes(std::span("BSR2"))));
  EXPECT_FALSE(looks_like_format1(std::as_bytes(std::span("x"))));
}

TEST(FrameEncoder, SameFramesGiveSameBytes) {
  for (const Compression& compression : {kPlain, kZstd})
    EXPECT_EQ(wire(small_stream(), compression), wire(small_stream(), compression));
}

TEST(FrameEncoder, CompressionDoesNotChangeTheDigest) {
  const EncodedBody plain = encode(data_frame({{0, 65536}}), kPlain);
  const EncodedBody compressed = encode(data_frame({{0, 65536}}), kZstd);

  ASSERT_NE(plain.content.size(), compressed.content.size());
  EXPECT_EQ(plain.hash.low, compressed.hash.low);
  EXPECT_EQ(plain.hash.high, compressed.hash.high);
}

/// Frames a writer might write, of any kind in any order.
class RandomStream {
 public:
  explicit RandomStream(uint64_t seed) : random_(seed) {}

  std::vector<FrameBody> make() {
    BeginFrame begin = below(2) != 0 ? delta_begin() : full_begin();
    begin.volume_size = (1 + below(1 << 20)) * 512;
    std::vector<FrameBody> between;
    for (uint64_t count = below(12); count > 0; --count) add(between, begin.volume_size);
    return whole(begin, std::move(between));
  }

  uint64_t below(uint64_t bound) {
    return std::uniform_int_distribution<uint64_t>(0, bound - 1)(random_);
  }

 private:
  void add(std::vector<FrameBody>& frames, uint64_t volume_size) {
    const uint64_t kind = below(5);
    if (kind == 0) {
      cursor_ = std::min(volume_size, cursor_ + below(64) * 512);
      frames.emplace_back(CheckpointFrame{cursor_, {}});
      return;
    }
    if (kind == 1) {
      frames.emplace_back(UnknownFrame{static_cast<uint16_t>(0x8100 + below(0x7f00))});
      return;
    }
    const std::vector<Extent> extents = some_extents(volume_size);
    if (extents.empty()) return;
    if (kind == 2) frames.emplace_back(ZeroFrame{extents});
    if (kind == 3) frames.emplace_back(UnmapFrame{extents});
    if (kind == 4) frames.emplace_back(some_data(extents));
  }

  std::vector<Extent> some_extents(uint64_t volume_size) {
    std::vector<Extent> extents;
    for (uint64_t count = 1 + below(20); count > 0; --count) {
      const Extent extent{cursor_ + below(3) * 512, (1 + below(64)) * 512};
      if (extent.end() > volume_size) break;
      extents.push_back(extent);
      cursor_ = extent.end();
    }
    return extents;
  }

  DataFrame some_data(const std::vector<Extent>& extents) {
    DataFrame data = data_frame(extents, static_cast<unsigned>(below(256)));
    const bool noise = below(2) != 0;
    if (noise)
      for (std::byte& b : data.content) b = static_cast<std::byte>(random_());
    return data;
  }

  std::mt19937_64 random_;
  uint64_t cursor_ = 0;
};

TEST(Frame, RandomStreamsComeBackAsTheyWere) {
  for (uint64_t seed = 0; seed < 200; ++seed) {
    RandomStream random(seed);
    const std::vector<FrameBody> bodies = random.make();
    const Compression compression = {.enabled = random.below(2) != 0, .level = 1};
    const size_t piece = 1 + random.below(10000);

    ASSERT_EQ(describe(bodies), describe(receive(wire(bodies, compression), piece))) << seed;
  }
}

}  // namespace
}  // namespace bsr
