// thin-send-recv streams in both directions, and what a reader can see of damage in them.
#include "formats/legacy_stream.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "base/error.h"

namespace bsr {
namespace {

Bytes golden(const std::string& name) {
  std::ifstream file(std::string(BSR_GOLDEN_DIR) + "/legacy/" + name, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  EXPECT_FALSE(text.empty()) << name;
  const ByteView bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

/// What a stream says, one line an item; adjacent pieces of data are one.
std::string read(ByteView stream, size_t piece = 65536) {
  LegacyDecoder decoder;
  std::string said;
  Extent data;
  const auto flush = [&] {
    if (data.length != 0) said += fmt::format("data {}+{}\n", data.offset, data.length);
    data = {};
  };
  for (size_t at = 0; at < stream.size(); at += piece) {
    decoder.feed(stream.subspan(at, std::min(piece, stream.size() - at)));
    while (const std::optional<LegacyItem> item = decoder.next()) {
      if (const auto* got = std::get_if<LegacyData>(&*item)) {
        for (size_t i = 0; i < got->bytes.size(); i += 8) {
          if (load_le<uint64_t>(got->bytes, i) != got->offset + i) said += "wrong content\n";
        }
        if (data.length == 0 || data.end() != got->offset) flush();
        if (data.length == 0) data.offset = got->offset;
        data.length += got->bytes.size();
        continue;
      }
      flush();
      if (std::holds_alternative<LegacyBegin>(*item)) said += "begin\n";
      if (const auto* unmap = std::get_if<LegacyUnmap>(&*item))
        said += fmt::format("unmap {}+{}\n", unmap->extent.offset, unmap->extent.length);
      if (const auto* end = std::get_if<LegacyEnd>(&*item))
        said +=
            fmt::format("end {}/{}/{}\n", end->stats.chunks, end->stats.data, end->stats.unmaps);
    }
  }
  decoder.finish();
  flush();
  return said;
}

/// The id of the error that reading ends with, or "none".
std::string outcome(ByteView stream) try {
  read(stream);
  return "none";
} catch (const Error& error) {
  return std::string(id(error.kind()));
}

Bytes bytes_of(std::string_view text) {
  const ByteView view = std::as_bytes(std::span(text));
  return {view.begin(), view.end()};
}

Bytes joined(std::initializer_list<Bytes> parts) {
  Bytes all;
  for (const Bytes& part : parts) append(all, part);
  return all;
}

constexpr uint64_t kMagic1_1 = 0x24C4F02AAE2E4FA9;
constexpr uint64_t kMagic1_0 = 0xCA7F00D5DE7EC7ED;

Bytes chunk(uint64_t magic, uint64_t offset, uint64_t length, uint32_t command) {
  Bytes bytes;
  append_be(bytes, magic);
  append_be(bytes, offset);
  append_be(bytes, length);
  append_be(bytes, command);
  return bytes;
}

const Bytes kBegin = chunk(kMagic1_1, 0, 0, 2);

Bytes end(uint64_t chunks, uint64_t data, uint64_t unmaps) {
  Bytes bytes = chunk(kMagic1_1, 0, 24, 3);
  append_be(bytes, chunks);
  append_be(bytes, data);
  append_be(bytes, unmaps);
  return bytes;
}

/// The 64-bit words of an extent of the golden streams: each names its own offset.
Bytes words(Extent extent) {
  Bytes bytes;
  for (uint64_t at = extent.offset; at < extent.end(); at += 8) append_le(bytes, at);
  return bytes;
}

struct Step {
  Extent extent;
  bool data;
};

Bytes encode(LegacyVersion version, const std::vector<Step>& steps) {
  LegacyEncoder encoder(version);
  Bytes stream = encoder.begin();
  for (const Step& step : steps) {
    append(stream, step.data ? encoder.data(step.extent) : encoder.unmap(step.extent));
    if (step.data) append(stream, words(step.extent));
  }
  append(stream, encoder.end());
  return stream;
}

const std::vector<Step> kFull = {{{0, 1024}, true}, {{1024, 512}, true}, {{65536, 2048}, true}};
const std::vector<Step> kDelta = {
    {{0, 1024}, true}, {{4096, 4096}, false}, {{16384, 512}, true}, {{65536, 8192}, false}};

TEST(LegacyStream, ReadsTheGoldenStreams) {
  EXPECT_EQ("begin\ndata 0+1536\ndata 65536+2048\nend 5/3/0\n", read(golden("full-1.1")));
  EXPECT_EQ("data 0+1536\ndata 65536+2048\n", read(golden("full-1.0")));
  EXPECT_EQ("begin\ndata 0+1024\nunmap 4096+4096\ndata 16384+512\nunmap 65536+8192\nend 6/2/2\n",
            read(golden("delta-1.1")));
  EXPECT_EQ("data 0+1024\nunmap 4096+4096\ndata 16384+512\nunmap 65536+8192\n",
            read(golden("delta-1.0")));
  EXPECT_EQ("begin\nend 2/0/0\n", read(golden("empty-1.1")));
  EXPECT_EQ("begin\ndata 512+512\nend 5/1/0\n", read(golden("optional-1.1")));
}

TEST(LegacyStream, WritesTheGoldenStreamsExactly) {
  EXPECT_EQ(golden("full-1.1"), encode(LegacyVersion::v1_1, kFull));
  EXPECT_EQ(golden("full-1.0"), encode(LegacyVersion::v1_0, kFull));
  EXPECT_EQ(golden("delta-1.1"), encode(LegacyVersion::v1_1, kDelta));
  EXPECT_EQ(golden("delta-1.0"), encode(LegacyVersion::v1_0, kDelta));
  EXPECT_EQ(golden("empty-1.1"), encode(LegacyVersion::v1_1, {}));
}

TEST(LegacyStream, ReadsTheSameHoweverItIsFed) {
  for (const char* name : {"full-1.1", "full-1.0", "delta-1.1", "delta-1.0", "optional-1.1"}) {
    const Bytes stream = golden(name);
    for (const size_t piece : {1U, 7U, 28U, 512U, 1000U})
      EXPECT_EQ(read(stream), read(stream, piece)) << name << " in pieces of " << piece;
  }
}

TEST(LegacyStream, KnowsItsVersionAndCountsFromTheHeaders) {
  LegacyDecoder decoder;
  EXPECT_EQ(std::nullopt, decoder.version());
  decoder.feed(golden("delta-1.0"));
  while (decoder.next()) continue;
  EXPECT_EQ(LegacyVersion::v1_0, decoder.version());
  EXPECT_EQ((LegacyStats{4, 2, 2}), decoder.stats());
}

TEST(LegacyStream, CutsALongChunkWhereOffsetsAreMultiplesOfAPiece) {
  constexpr Extent kChunk{kLegacyPiece - 1024, uint64_t{1} << 40};
  LegacyDecoder decoder;
  decoder.feed(joined({kBegin, chunk(kMagic1_1, kChunk.offset, kChunk.length, 0)}));
  ASSERT_TRUE(decoder.next());
  uint64_t offset = kChunk.offset;
  const Bytes some(100'000);
  for (int i = 0; i < 50; ++i) {
    decoder.feed(some);
    while (const std::optional<LegacyItem> item = decoder.next()) {
      const auto& piece = std::get<LegacyData>(*item);
      EXPECT_EQ(offset, piece.offset);
      EXPECT_EQ(offset == kChunk.offset ? 1024 : kLegacyPiece, piece.bytes.size());
      offset += piece.bytes.size();
    }
  }
  EXPECT_EQ(kChunk.offset + 1024 + (5'000'000 - 1024) / kLegacyPiece * kLegacyPiece, offset);
}

TEST(LegacyStream, SkipsAnOptionalChunkOfAnyLength) {
  LegacyDecoder decoder;
  decoder.feed(joined({kBegin, chunk(kMagic1_1, 3, ~uint64_t{0}, 0x80000000)}));
  ASSERT_TRUE(decoder.next());
  for (int i = 0; i < 10; ++i) {
    decoder.feed(Bytes(1'000'000));
    EXPECT_FALSE(decoder.next());
  }
  EXPECT_THROW(decoder.finish(), Error);
}

TEST(LegacyStream, IsTruncatedAtEveryPointOf1_1) {
  for (const char* name : {"full-1.1", "delta-1.1", "empty-1.1", "optional-1.1"}) {
    const Bytes stream = golden(name);
    for (size_t size = 0; size < stream.size(); ++size)
      ASSERT_EQ("truncated", outcome(ByteView(stream).first(size))) << name << " at " << size;
  }
}

TEST(LegacyStream, IsTruncatedInsideAChunkOf1_0ButACutBetweenChunksCannotBeSeen) {
  const Bytes stream = golden("delta-1.0");
  const std::vector<size_t> ends = {1052, 1080, 1620};
  for (size_t size = 0; size < stream.size(); ++size)
    ASSERT_EQ(std::ranges::count(ends, size) != 0 ? "none" : "truncated",
              outcome(ByteView(stream).first(size)))
        << size;
}

TEST(LegacyStream, KnowsAStreamByItsFirstBytes) {
  EXPECT_TRUE(looks_legacy(golden("full-1.1")));
  EXPECT_TRUE(looks_legacy(golden("full-1.0")));
  EXPECT_TRUE(looks_legacy(golden("old-0.x")));
  EXPECT_TRUE(looks_legacy(ByteView(kBegin).first(1)));
  EXPECT_FALSE(looks_legacy({}));
  EXPECT_FALSE(looks_legacy(bytes_of("BSR1\x01")));
  EXPECT_FALSE(looks_legacy(bytes_of("$\xc4\xf0*\xae.O\xa8")));  // the last bit of the magic
}

TEST(LegacyStream, RefusesWhatIsNoStream) {
  EXPECT_EQ("corrupt", outcome(bytes_of("hello\n")));
  EXPECT_EQ("corrupt", outcome(bytes_of("ssh: connect to host standby port 22: timed out\n")));
  EXPECT_EQ("corrupt", outcome(bytes_of("\n")));
  EXPECT_EQ("corrupt", outcome(Bytes(1000)));
}

TEST(LegacyStream, RefusesVersion0ByName) {
  const Bytes stream = golden("old-0.x");
  EXPECT_EQ("truncated", outcome(ByteView(stream).first(7)));
  try {
    read(stream);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(ErrorKind::unsupported, error.kind());
    EXPECT_NE(std::string::npos, std::string(error.what()).find("thin-send-recv 0.x"));
  }
}

// The hand-made streams of upstream's tests/04-detect-and-fail-incomplete-streams.sh.
TEST(LegacyStream, JudgesUpstreamsHandMadeStreamsAsUpstreamDoes) {
  const Bytes unmap = chunk(kMagic1_1, 0, 4096, 1);
  const Bytes unknown = chunk(kMagic1_1, 0, 0, 0x10000000);
  const Bytes optional = joined({chunk(kMagic1_1, 0, 1, 0x80000000), Bytes(1)});
  const Bytes odd = joined({chunk(kMagic1_1, 0, 527, 0x80000333), Bytes(527)});

  EXPECT_EQ("none", outcome(chunk(kMagic1_0, 0, 16 << 20, 1)));
  EXPECT_EQ("none", outcome(joined({kBegin, end(2, 0, 0)})));
  EXPECT_EQ("none", outcome(joined({kBegin, odd, end(3, 0, 0)})));
  EXPECT_EQ("unsupported", outcome(joined({kBegin, unknown, unmap, end(3, 0, 1)})));
  EXPECT_EQ("corrupt", outcome(joined({kBegin, optional, unmap, end(3, 0, 1)})));
  EXPECT_EQ("corrupt", outcome(joined({kBegin, unmap, end(0, 0, 0)})));
  EXPECT_EQ("corrupt", outcome(joined({kBegin, unmap, end(3, 0, 1), bytes_of("dreck\n")})));
  EXPECT_EQ("corrupt", outcome(joined({kBegin, unmap, end(3, 0, 1), Bytes(32)})));
}

TEST(LegacyStream, RefusesChunksOutOfPlace) {
  const Bytes unmap = chunk(kMagic1_1, 0, 4096, 1);
  const Bytes old_unmap = chunk(kMagic1_0, 0, 4096, 1);
  EXPECT_EQ("corrupt", outcome(joined({unmap, end(2, 0, 1)})));
  EXPECT_EQ("corrupt", outcome(end(1, 0, 0)));
  EXPECT_EQ("corrupt", outcome(joined({kBegin, kBegin, end(3, 0, 0)})));
  EXPECT_EQ("corrupt", outcome(joined({kBegin, end(2, 0, 0), end(3, 0, 0)})));
  EXPECT_EQ("corrupt", outcome(joined({kBegin, old_unmap, end(3, 0, 1)})));
  EXPECT_EQ("corrupt", outcome(joined({old_unmap, kBegin})));
  EXPECT_EQ("corrupt", outcome(joined({old_unmap, bytes_of("x")})));
  for (const uint32_t command : {2U, 3U, 4U, 0x80000000U})
    EXPECT_EQ("unsupported", outcome(chunk(kMagic1_0, 0, 0, command))) << command;
}

TEST(LegacyStream, RefusesImpossibleExtentsInBothDirections) {
  constexpr uint64_t kTop = uint64_t{1} << 63;
  const std::vector<std::pair<Extent, std::string>> cases = {
      {{4096, 512}, "none"},
      {{4608, 512}, "none"},
      {{3584, 512}, "corrupt"},
      {{0, 4096}, "corrupt"},
      {{4096, 0}, "corrupt"},
      {{4096, 511}, "corrupt"},
      {{4097, 512}, "corrupt"},
      {{kTop - 1024, 512}, "none"},
      {{kTop - 512, 512}, "corrupt"},
      {{4096, kTop}, "corrupt"},
      {{~uint64_t{511}, 512}, "corrupt"},
      {{~uint64_t{511}, 1024}, "corrupt"},
  };
  for (const auto& [extent, expected] : cases) {
    EXPECT_EQ(expected,
              outcome(joined({kBegin, chunk(kMagic1_1, 0, 4096, 1),
                              chunk(kMagic1_1, extent.offset, extent.length, 1), end(4, 0, 2)})))
        << extent.offset << "+" << extent.length;
    LegacyEncoder encoder(LegacyVersion::v1_1);
    EXPECT_FALSE(encoder.data({0, 4096}).empty());
    if (expected == "none")
      EXPECT_NO_THROW((void)encoder.unmap(extent));
    else
      EXPECT_THROW((void)encoder.unmap(extent), Error);
  }
  EXPECT_EQ("corrupt", outcome(joined({kBegin, chunk(kMagic1_1, 4096, 0, 0)})));
}

// Which flipped bits a reader of delta-1.1 can see, field by field.
class LegacyStreamFlips : public testing::Test {
 protected:
  std::string flipped(size_t byte, int bit) {
    Bytes damaged = stream_;
    damaged[byte] ^= static_cast<std::byte>(1U << bit);
    return outcome(damaged);
  }

  /// How often each outcome came when every bit of the bytes was flipped, one at a time.
  std::map<std::string, int> flip_all(size_t offset, size_t size) {
    std::map<std::string, int> seen;
    for (size_t byte = offset; byte < offset + size; ++byte)
      for (int bit = 0; bit < 8; ++bit) ++seen[flipped(byte, bit)];
    return seen;
  }

  using Seen = std::map<std::string, int>;
  const Bytes stream_ = golden("delta-1.1");
  // Where the chunks of kDelta begin, between BEGIN and END.
  const std::vector<size_t> chunks_ = {28, 1080, 1108, 1648};
  const size_t end_ = 1676;
};

TEST_F(LegacyStreamFlips, InMagicBeginEndAndCountsAreAllSeen) {
  EXPECT_EQ((Seen{{"corrupt", 28 * 8}}), flip_all(0, 28));
  for (const size_t chunk : chunks_) EXPECT_EQ((Seen{{"corrupt", 64}}), flip_all(chunk, 8));
  EXPECT_EQ((Seen{{"corrupt", 24 * 8}}), flip_all(end_, 24));
  // END's command: BEGIN and UNMAP it cannot be, and as an optional chunk it leaves no end.
  EXPECT_EQ((Seen{{"corrupt", 2}, {"truncated", 1}, {"unsupported", 29}}), flip_all(end_ + 24, 4));
  EXPECT_EQ((Seen{{"corrupt", 24 * 8}}), flip_all(end_ + 28, 24));
  EXPECT_EQ(stream_.size(), end_ + 52);
}

TEST_F(LegacyStreamFlips, InCommandsAreAllSeen) {
  for (size_t i = 0; i < chunks_.size(); ++i) {
    // DATA 0: as UNMAP 1 its payload is no chunk, as BEGIN 2 it comes late, as optional it lacks in
    // the counts. UNMAP 1: as DATA 0 or optional it swallows the rest, END 3 has another length.
    const Seen expected = kDelta[i].data
                              ? Seen{{"corrupt", 3}, {"unsupported", 29}}
                              : Seen{{"corrupt", 1}, {"truncated", 2}, {"unsupported", 29}};
    EXPECT_EQ(expected, flip_all(chunks_[i] + 24, 4)) << i;
  }
}

TEST_F(LegacyStreamFlips, InOffsetsAndUnmapLengthsAreSeenOnlyWhenTheExtentBecomesImpossible) {
  constexpr uint64_t kTop = uint64_t{1} << 63;
  for (size_t i = 0; i < chunks_.size(); ++i) {
    const uint64_t lowest = i == 0 ? 0 : kDelta[i - 1].extent.end();
    const uint64_t highest = i + 1 == kDelta.size() ? kTop - 1 : kDelta[i + 1].extent.offset;
    const auto expected = [&](Extent extent) {
      const bool possible = extent.length != 0 && extent.offset % 512 == 0 &&
                            extent.length % 512 == 0 && extent.offset >= lowest &&
                            extent.offset <= highest && extent.length <= highest - extent.offset;
      return possible ? "none" : "corrupt";
    };
    for (int bit = 0; bit < 64; ++bit) {
      Extent moved = kDelta[i].extent;
      moved.offset ^= uint64_t{1} << bit;
      const size_t byte = static_cast<size_t>(7 - bit / 8);
      EXPECT_EQ(expected(moved), flipped(chunks_[i] + 8 + byte, bit % 8)) << i << " bit " << bit;

      Extent resized = kDelta[i].extent;
      resized.length ^= uint64_t{1} << bit;
      const std::string seen = flipped(chunks_[i] + 16 + byte, bit % 8);
      if (kDelta[i].data)
        EXPECT_NE("none", seen) << i << " bit " << bit;  // the next header is not where it must be
      else
        EXPECT_EQ(expected(resized), seen) << i << " bit " << bit;
    }
  }
}

TEST_F(LegacyStreamFlips, InPayloadsAreNotSeen) {
  EXPECT_EQ((Seen{{"none", 1024 * 8}}), flip_all(chunks_[0] + 28, 1024));
}

}  // namespace
}  // namespace bsr
