// Frames with right checksums and something else wrong: what a hostile or broken sender can do.
#include "formats/frame_decoder.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include "tests/fakes/peak_memory.h"
#include "tests/unit/formats/stream_builder.h"

namespace bsr {
namespace {

using stream::FrameType;

constexpr uint64_t kHuge = uint64_t{INT64_MAX} + 1;

Bytes payload(const FrameBody& body) {
  const Bytes bytes = wire(body, 0);
  return {bytes.begin() + stream::kHeaderSize, bytes.end()};
}

std::optional<ErrorKind> refusal_of(FrameType type, ByteView payload, uint16_t flags = 0) {
  return decoder_refusal(raw_frame(type, 0, payload, flags));
}

std::optional<ErrorKind> zero_refusal(uint32_t count, const std::vector<Extent>& extents) {
  return refusal_of(FrameType::zero, raw_change(count, 0, extents));
}

Bytes zstd(ByteView bytes) {
  Bytes out(ZSTD_compressBound(bytes.size()));
  out.resize(ZSTD_compress(out.data(), out.size(), bytes.data(), bytes.size(), 1));
  return out;
}

/// A DATA frame of `length` bytes whose compressed content is `packed`.
Bytes zstd_frame(uint32_t length, ByteView packed) {
  return raw_frame(FrameType::data, 0, raw_change(1, length, {{0, length}}, packed),
                   stream::kFlagZstd);
}

/// A BEGIN with some bytes of its payload replaced.
template <typename T>
std::optional<ErrorKind> begin_refusal(size_t offset, T value) {
  Bytes bytes = payload(delta_begin());
  store_le(bytes, offset, value);
  return refusal_of(FrameType::begin, bytes);
}

std::optional<ErrorKind> begin_text_refusal(size_t offset, std::string_view text) {
  Bytes bytes = payload(delta_begin());
  std::ranges::copy(std::as_bytes(std::span(text)),
                    bytes.begin() + static_cast<std::ptrdiff_t>(offset));
  return refusal_of(FrameType::begin, bytes);
}

// The header.

TEST(FrameDecoder, RefusesOtherInputAtItsFirstByte) {
  EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(std::as_bytes(std::span("PK").first(1))));
}

TEST(FrameDecoder, RefusesAHeaderWhoseChecksumIsWrong) {
  Bytes bytes = wire(full_begin(), 0);
  bytes[16] ^= std::byte{1};

  EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(ByteView(bytes).first(stream::kHeaderSize)));
}

TEST(FrameDecoder, RefusesALengthBeforeAnyOfItArrived) {
  for (const uint32_t length : {stream::kMaxPayload + 1, UINT32_MAX}) {
    Bytes header = raw_frame(FrameType::data, 0, {});
    store_le(header, 16, length);
    store_le(header, 32, static_cast<uint64_t>(XXH3_64bits(header.data(), 32)));

    EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(header));
  }
}

TEST(FrameDecoder, RefusesReservedBitsInTheHeader) {
  EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(raw_frame(static_cast<uint16_t>(FrameType::begin),
                                                          0, payload(full_begin()), 0, 1)));
}

TEST(FrameDecoder, RefusesASequenceThatSkipsOrRepeats) {
  for (const uint64_t second : {uint64_t{0}, uint64_t{2}, UINT64_MAX}) {
    Bytes bytes = wire(full_begin(), 0);
    append(bytes, wire(ZeroFrame{{{0, 512}}}, second));

    EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(bytes)) << second;
  }
}

TEST(FrameDecoder, CallsUnknownFlagsUnsupported) {
  EXPECT_EQ(ErrorKind::unsupported, refusal_of(FrameType::begin, payload(full_begin()), 1));
  EXPECT_EQ(ErrorKind::unsupported,
            refusal_of(FrameType::data, payload(data_frame({{0, 512}})), 2));
  EXPECT_EQ(ErrorKind::unsupported, refusal_of(FrameType::zero, raw_change(1, 0, {{0, 512}}), 1));
}

TEST(FrameDecoder, CallsUnknownFrameTypesUnsupported) {
  for (const uint16_t type : std::initializer_list<uint16_t>{0, 9, 0x7fff})
    EXPECT_EQ(ErrorKind::unsupported, decoder_refusal(raw_frame(type, 0, {}))) << type;
}

TEST(FrameDecoder, PassesOverSkippableFramesOfAnyContent) {
  for (const uint16_t type : std::initializer_list<uint16_t>{0x8000, 0x8002, 0xffff})
    for (const size_t size : {size_t{0}, size_t{1}, size_t{stream::kMaxPayload}})
      EXPECT_EQ(std::nullopt, decoder_refusal(raw_frame(type, 0, Bytes(size), 0xffff)));
}

TEST(FrameDecoder, ChecksThePayloadOfSkippableFramesToo) {
  Bytes bytes = raw_frame(0x8000, 0, Bytes(100));
  bytes.back() ^= std::byte{1};

  EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(bytes));
}

TEST(FrameDecoder, RefusesSkippableFramesThatAreTooLong) {
  EXPECT_EQ(ErrorKind::corrupt,
            decoder_refusal(raw_frame(0x8000, 0, Bytes(stream::kMaxPayload + 1))));
}

// BEGIN.

TEST(FrameDecoder, CallsOtherVersionsAndFeaturesUnsupported) {
  EXPECT_EQ(ErrorKind::unsupported, begin_refusal(0, uint16_t{2}));
  EXPECT_EQ(ErrorKind::unsupported, begin_refusal(0, uint16_t{0}));
  for (int bit = 1; bit < 64; ++bit)
    EXPECT_EQ(ErrorKind::unsupported, begin_refusal(8, uint64_t{1} << bit)) << bit;
  EXPECT_EQ(ErrorKind::corrupt, begin_refusal(8, uint64_t{1})) << "without states";
}

TEST(FrameDecoder, LooksAtTheVersionBeforeTheLayout) {
  // A later version may have a longer or shorter BEGIN.
  Bytes bytes;
  append_le(bytes, uint16_t{2});

  EXPECT_EQ(ErrorKind::unsupported, refusal_of(FrameType::begin, bytes));
}

TEST(FrameDecoder, RefusesABeginOfAnyOtherSize) {
  Bytes bytes = payload(full_begin());
  bytes.push_back(std::byte{0});
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(FrameType::begin, bytes));
  for (size_t size = 0; size < stream::kBeginSize; ++size)
    EXPECT_EQ(ErrorKind::corrupt, refusal_of(FrameType::begin, ByteView(bytes).first(size)));
}

TEST(FrameDecoder, RefusesAContentFrameOfAnotherSize) {
  for (const size_t size : {size_t{0}, stream::kContentSize - 1, stream::kContentSize + 1})
    EXPECT_EQ(ErrorKind::corrupt, refusal_of(FrameType::content, Bytes(size)));
}

TEST(FrameDecoder, RefusesTheStateOfNoBase) {
  BeginFrame begin = full_begin();
  begin.set_states({std::byte{1}}, {std::byte{2}});
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(FrameType::begin, payload(begin)));
}

TEST(FrameDecoder, RefusesMoreThanAMiBOfWhatASnapshotHolds) {
  const auto holds = [](uint64_t length) {
    return payload_of(encode(HoldsFrame{{{0, 512}, {512, length}}, {}}));
  };
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(FrameType::holds, holds(stream::kMaxContent)));
  Bytes bytes = holds(512);
  bytes.push_back(std::byte{0});
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(FrameType::holds, bytes));
  bytes = holds(512);
  store_le(bytes, 4, uint32_t{512});  // not the sum
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(FrameType::holds, bytes));
}

TEST(FrameDecoder, RefusesFlagsThatContradictTheBase) {
  EXPECT_EQ(ErrorKind::corrupt, begin_refusal(2, uint16_t{1}));  // full, with a base
  EXPECT_EQ(ErrorKind::corrupt, begin_refusal(2, uint16_t{2}));
  Bytes bytes = payload(full_begin());
  store_le(bytes, 2, uint16_t{0});  // a delta without base
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(FrameType::begin, bytes));
}

TEST(FrameDecoder, RefusesAFullStreamWithABaseSize) {
  Bytes bytes = payload(full_begin());
  store_le(bytes, 24, uint64_t{512});

  EXPECT_EQ(ErrorKind::corrupt, refusal_of(FrameType::begin, bytes));
}

TEST(FrameDecoder, RefusesReservedBitsInBegin) {
  EXPECT_EQ(ErrorKind::corrupt, begin_refusal(36, uint32_t{1}));
}

TEST(FrameDecoder, RefusesSizesThatAreNoVolumes) {
  for (const size_t offset : {16, 24})
    for (const uint64_t size : {uint64_t{1}, uint64_t{511}, uint64_t{513}, kHuge, UINT64_MAX})
      EXPECT_EQ(ErrorKind::corrupt, begin_refusal(offset, size)) << size;
}

TEST(FrameDecoder, RefusesTextsWithoutEnd) {
  for (const size_t offset : {112, 176, 240})
    EXPECT_EQ(ErrorKind::corrupt, begin_text_refusal(offset, std::string(64, 'x')));
  EXPECT_EQ(ErrorKind::corrupt, begin_text_refusal(304, std::string(128, 'x')));
}

TEST(FrameDecoder, RefusesTextsThatAreNotPrintableAscii) {
  for (const size_t offset : {112, 176, 240, 304})
    for (const std::string_view text : {"a\nb", "\x1b[2J", "\x7f", "\x80", "\xc3\xa4", "\xff"})
      EXPECT_EQ(ErrorKind::corrupt, begin_text_refusal(offset, text)) << offset;
}

TEST(FrameDecoder, RefusesBlanksInIdentitiesButNotInNames) {
  for (const size_t offset : {112, 176, 240})
    EXPECT_EQ(ErrorKind::corrupt, begin_text_refusal(offset, "a b"));
  EXPECT_EQ(std::nullopt, begin_text_refusal(304, "a b"));
}

TEST(FrameDecoder, RefusesBytesBehindTheEndOfAText) {
  for (const size_t last : {112 + 63, 176 + 63, 240 + 63, 304 + 127})
    EXPECT_EQ(ErrorKind::corrupt, begin_refusal(last, uint8_t{'x'})) << last;
}

TEST(FrameDecoder, RefusesABeginThatNamesNothing) {
  for (const size_t offset : {112, 176}) {
    Bytes bytes = payload(full_begin());
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(offset), 64, std::byte{0});
    EXPECT_EQ(ErrorKind::corrupt, refusal_of(FrameType::begin, bytes));
  }
}

// The extent table.

TEST(FrameDecoder, RefusesATableWithoutExtents) {
  EXPECT_EQ(ErrorKind::corrupt, zero_refusal(0, {}));
}

TEST(FrameDecoder, RefusesTooManyExtents) {
  std::vector<Extent> extents;
  for (uint64_t i = 0; i <= stream::kMaxExtents; ++i) extents.push_back({i * 512, 512});

  EXPECT_EQ(ErrorKind::corrupt, zero_refusal(stream::kMaxExtents + 1, extents));
}

TEST(FrameDecoder, RefusesACountThatThePayloadDoesNotHold) {
  EXPECT_EQ(ErrorKind::corrupt, zero_refusal(2, {{0, 512}}));
  EXPECT_EQ(ErrorKind::corrupt, zero_refusal(4096, {{0, 512}}));
  EXPECT_EQ(ErrorKind::corrupt, zero_refusal(UINT32_MAX, {{0, 512}}));
  EXPECT_EQ(ErrorKind::corrupt, zero_refusal(0x10000001, {{0, 512}}));  // 16 times it is 16 again
}

TEST(FrameDecoder, RefusesBytesBehindTheTable) {
  EXPECT_EQ(ErrorKind::corrupt, zero_refusal(1, {{0, 512}, {512, 512}}));
  EXPECT_EQ(ErrorKind::corrupt,
            refusal_of(FrameType::unmap, raw_change(1, 0, {{0, 512}}, Bytes(1))));
}

TEST(FrameDecoder, RefusesEveryTableThatIsCut) {
  const Bytes table = raw_change(2, 0, {{0, 512}, {512, 512}});
  for (size_t size = 0; size < table.size(); ++size)
    for (const FrameType type : {FrameType::data, FrameType::zero, FrameType::unmap})
      EXPECT_EQ(ErrorKind::corrupt, refusal_of(type, ByteView(table).first(size))) << size;
}

TEST(FrameDecoder, RefusesExtentsThatDescendOrOverlap) {
  EXPECT_EQ(ErrorKind::corrupt, zero_refusal(2, {{4096, 512}, {0, 512}}));
  EXPECT_EQ(ErrorKind::corrupt, zero_refusal(2, {{0, 1024}, {512, 512}}));
  EXPECT_EQ(ErrorKind::corrupt, zero_refusal(2, {{0, 512}, {0, 512}}));
  EXPECT_EQ(std::nullopt, zero_refusal(2, {{0, 512}, {512, 512}}));
}

TEST(FrameDecoder, RefusesExtentsThatAreNotWholeSectors) {
  EXPECT_EQ(ErrorKind::corrupt, zero_refusal(1, {{1, 512}}));
  EXPECT_EQ(ErrorKind::corrupt, zero_refusal(1, {{0, 511}}));
  EXPECT_EQ(ErrorKind::corrupt, zero_refusal(1, {{0, 513}}));
}

TEST(FrameDecoder, RefusesExtentsWithoutLength) {
  EXPECT_EQ(ErrorKind::corrupt, zero_refusal(1, {{512, 0}}));
}

TEST(FrameDecoder, RefusesExtentsThatWrapAround) {
  EXPECT_EQ(ErrorKind::corrupt, zero_refusal(1, {{0, kHuge}}));
  EXPECT_EQ(ErrorKind::corrupt, zero_refusal(1, {{kHuge, 512}}));
  EXPECT_EQ(ErrorKind::corrupt, zero_refusal(1, {{512, UINT64_MAX - 511}}));
  EXPECT_EQ(ErrorKind::corrupt, zero_refusal(1, {{UINT64_MAX - 511, 512}}));
}

TEST(FrameDecoder, RefusesContentWhereNoneBelongs) {
  for (const FrameType type : {FrameType::zero, FrameType::unmap})
    EXPECT_EQ(ErrorKind::corrupt, refusal_of(type, raw_change(1, 512, {{0, 512}}, Bytes(512))));
}

// Content.

TEST(FrameDecoder, RefusesContentOfAnotherLengthThanItsExtents) {
  for (const uint32_t length : {0, 1, 511, 513, 1024})
    EXPECT_EQ(ErrorKind::corrupt,
              refusal_of(FrameType::data, raw_change(1, length, {{0, 512}}, Bytes(length))))
        << length;
}

TEST(FrameDecoder, RefusesContentThatIsNotThereOrTooMuch) {
  for (const size_t size : {0, 1, 511, 513, 1024})
    EXPECT_EQ(ErrorKind::corrupt,
              refusal_of(FrameType::data, raw_change(1, 512, {{0, 512}}, Bytes(size))))
        << size;
}

TEST(FrameDecoder, RefusesMoreContentThanAFrameMayHold) {
  constexpr uint32_t kTooMuch = stream::kMaxContent + 512;
  const Bytes packed = zstd(Bytes(kTooMuch));

  EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(zstd_frame(kTooMuch, packed)));
}

TEST(FrameDecoder, RefusesExtentsWhoseSumWrapsToTheContentLength) {
  std::vector<Extent> extents = {{0, 512}, {1024, uint64_t{1} << 32}};

  EXPECT_EQ(ErrorKind::corrupt,
            refusal_of(FrameType::data, raw_change(2, 512, extents, Bytes(512))));
}

TEST(FrameDecoder, RefusesCompressedContentOfAnotherLength) {
  EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(zstd_frame(512, zstd(Bytes(511)))));
  EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(zstd_frame(512, zstd(Bytes(513)))));
  EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(zstd_frame(512, zstd(Bytes()))));
  EXPECT_EQ(std::nullopt, decoder_refusal(zstd_frame(512, zstd(Bytes(512)))));
}

TEST(FrameDecoder, RefusesCompressedContentThatIsNone) {
  EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(zstd_frame(512, {})));
  EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(zstd_frame(512, Bytes(3))));
  EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(zstd_frame(512, Bytes(512))));
}

TEST(FrameDecoder, RefusesCompressedContentThatIsCutOrContinued) {
  Bytes packed = zstd(Bytes(4096));
  for (size_t size = 0; size < packed.size(); ++size)
    EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(zstd_frame(4096, ByteView(packed).first(size))));
  packed.push_back(std::byte{0});
  EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(zstd_frame(4096, packed)));
}

TEST(FrameDecoder, RefusesMoreThanOneZstdFrame) {
  Bytes two = zstd(Bytes(256));
  append(two, zstd(Bytes(256)));
  EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(zstd_frame(512, two)));

  Bytes skippable;
  append_le(skippable, uint32_t{ZSTD_MAGIC_SKIPPABLE_START});
  append_le(skippable, uint32_t{0});
  append(skippable, zstd(Bytes(512)));
  EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(zstd_frame(512, skippable)));
}

TEST(FrameDecoder, RefusesTheFormatsThatZstdHadBefore) {
  // 512 stored bytes as zstd 0.7 framed them, which libzstd may still be built to take.
  Bytes old;
  append_le(old, uint32_t{0xFD2FB527});
  for (const int b : {0x60, 0x00, 0x01, 0x40, 0x02, 0x00}) old.push_back(static_cast<std::byte>(b));
  old.insert(old.end(), 512, std::byte{'x'});
  for (const int b : {0xc0, 0x00, 0x00}) old.push_back(static_cast<std::byte>(b));

  EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(zstd_frame(512, old)));
}

// Memory and end.

TEST(FrameDecoder, MemoryForABombIsThatOfItsFrame) {
  const Bytes packed = zstd(Bytes(64 << 20));  // some kilobytes
  const Bytes frame = zstd_frame(512, packed);

  const PeakMemory memory;
  EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(frame));
  EXPECT_LT(memory.growth(), (4 << 20) + PeakMemory::kOverhead);
}

TEST(FrameDecoder, MemoryDoesNotGrowWithTheStream) {
  const EncodedBody body = encode(data_frame({{0, 256 << 10}}), kPlain);
  const Bytes payload = payload_of(body);
  FrameDecoder decoder;

  const PeakMemory memory;
  for (uint64_t i = 0; i < 1000; ++i) {
    decoder.feed(encode_header(body, i));
    decoder.feed(payload);
    EXPECT_TRUE(decoder.next());
  }
  EXPECT_LT(memory.growth(), (32 << 20) + PeakMemory::kOverhead);  // of 250 MiB
}

TEST(FrameDecoder, EmptyInputIsTruncatedAndNotAStream) {
  EXPECT_EQ(ErrorKind::truncated, refusal({}));
}

TEST(FrameDecoder, RefusesBytesBehindEndInTheSamePieceOrTheNext) {
  Bytes bytes = whole_wire(full_begin(), {});
  const size_t whole = bytes.size();
  bytes.push_back(std::byte{'\n'});

  EXPECT_EQ(ErrorKind::corrupt, refusal(bytes));
  EXPECT_EQ(ErrorKind::corrupt, refusal(bytes, whole));
  EXPECT_EQ(ErrorKind::corrupt, refusal(bytes, 1));
}

TEST(FrameDecoder, RefusesBytesBehindEndAlsoIfTheyLookLikeAFrame) {
  Bytes bytes = whole_wire(full_begin(), {});
  const size_t whole = bytes.size();
  bytes.push_back(std::byte{'B'});

  EXPECT_EQ(ErrorKind::corrupt, refusal(bytes));
  EXPECT_EQ(ErrorKind::corrupt, refusal(bytes, whole));
  EXPECT_EQ(ErrorKind::corrupt, refusal(bytes, 1));
}

TEST(FrameDecoder, TellsEmptyInputFromForeignInputFromACut) {
  const auto text_for = [](std::string_view input) -> std::string {
    try {
      receive(std::as_bytes(std::span(input)));
    } catch (const Error& error) {
      return error.what();
    }
    return "";
  };
  EXPECT_EQ("the input is empty: the sender failed or never started", text_for(""));
  EXPECT_EQ("the input is not a bsr stream", text_for("Permission denied"));
  EXPECT_EQ("the stream ends early, at byte 2", text_for("BS"));
}

TEST(FrameDecoder, RefusesASecondStreamBehindTheFirst) {
  Bytes bytes = whole_wire(full_begin(), {});
  append(bytes, whole_wire(full_begin(), {}));

  EXPECT_EQ(ErrorKind::corrupt, refusal(bytes));
}

}  // namespace
}  // namespace bsr
