// Both directions share the magic numbers, the commands and what an extent must be.
#include "formats/legacy_stream.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "base/sector.h"

namespace bsr {
namespace {

constexpr uint64_t kMagic1_1 = 0x24C4F02AAE2E4FA9;
constexpr uint64_t kMagic1_0 = 0xCA7F00D5DE7EC7ED;
constexpr uint64_t kMagic0 = 0xE85BC5636CC72A05;

constexpr size_t kHeaderSize = 28;
constexpr size_t kCountsSize = 24;

constexpr uint32_t kData = 0;
constexpr uint32_t kUnmap = 1;
constexpr uint32_t kBegin = 2;
constexpr uint32_t kEnd = 3;
constexpr uint32_t kOptionalBit = 0x80000000;

uint64_t magic_of(LegacyVersion version) {
  switch (version) {
    case LegacyVersion::v1_0:
      return kMagic1_0;
    case LegacyVersion::v1_1:
      return kMagic1_1;
  }
  return 0;
}

/// True when the bytes are the first ones of `magic`, as far as they go.
bool begins_with(ByteView bytes, uint64_t magic) {
  const size_t size = std::min(bytes.size(), sizeof magic);
  for (size_t i = 0; i < size; ++i)
    if (bytes[i] != static_cast<std::byte>(magic >> (56 - 8 * i))) return false;
  return true;
}

/// What is wrong with an extent that may begin at `next_offset`, or nullptr.
const char* problem_of(Extent extent, uint64_t next_offset) {
  constexpr uint64_t kHighest = std::numeric_limits<int64_t>::max();
  if (extent.length == 0) return "is empty";
  if (extent.offset % kSectorSize != 0 || extent.length % kSectorSize != 0)
    return "is not whole sectors";
  if (extent.offset > kHighest || extent.length > kHighest - extent.offset)
    return "ends behind 2^63";
  if (extent.offset < next_offset) return "does not ascend";
  return nullptr;
}

Bytes header(LegacyVersion version, Extent extent, uint32_t command) {
  Bytes bytes;
  bytes.reserve(kHeaderSize + kCountsSize);
  append_be(bytes, magic_of(version));
  append_be(bytes, extent.offset);
  append_be(bytes, extent.length);
  append_be(bytes, command);
  return bytes;
}

}  // namespace

Bytes LegacyEncoder::begin() {
  if (version_ == LegacyVersion::v1_0) return {};
  ++stats_.chunks;
  return header(version_, {}, kBegin);
}

Bytes LegacyEncoder::data(Extent extent) {
  take(extent);
  ++stats_.data;
  return header(version_, extent, kData);
}

Bytes LegacyEncoder::unmap(Extent extent) {
  take(extent);
  ++stats_.unmaps;
  return header(version_, extent, kUnmap);
}

Bytes LegacyEncoder::end() {
  if (version_ == LegacyVersion::v1_0) return {};
  ++stats_.chunks;
  Bytes bytes = header(version_, {0, kCountsSize}, kEnd);
  append_be(bytes, stats_.chunks);
  append_be(bytes, stats_.data);
  append_be(bytes, stats_.unmaps);
  return bytes;
}

void LegacyEncoder::take(Extent extent) {
  if (const char* problem = problem_of(extent, next_offset_))
    fail(ErrorKind::failed, "extent {}+{} {}", extent.offset, extent.length, problem);
  next_offset_ = extent.end();
  ++stats_.chunks;
}

void LegacyDecoder::feed(ByteView bytes) {
  pending_.erase(pending_.begin(), pending_.begin() + static_cast<std::ptrdiff_t>(consumed_));
  consumed_ = 0;
  append(pending_, bytes);
}

std::optional<LegacyItem> LegacyDecoder::next() {
  while (true) {
    switch (expect_) {
      case Expect::header:
        check_magic();
        if (rest().size() < kHeaderSize) return std::nullopt;
        if (std::optional<LegacyItem> item = take_header()) return item;
        break;
      case Expect::data:
        return take_data();
      case Expect::optional:
        take_optional();
        if (expect_ == Expect::optional) return std::nullopt;
        break;
      case Expect::counts:
        return take_counts();
      case Expect::nothing:
        if (!rest().empty()) fail(ErrorKind::corrupt, "the stream goes on behind its end");
        return std::nullopt;
    }
  }
}

void LegacyDecoder::finish() const {
  if (!rest().empty() || payload_.length != 0)
    fail(ErrorKind::truncated, "the stream ends at byte {} inside a chunk",
         position_ + rest().size());
  if (!version_) fail(ErrorKind::truncated, "the stream is empty");
  if (*version_ == LegacyVersion::v1_1 && expect_ != Expect::nothing)
    fail(ErrorKind::truncated, "the stream has no end");
}

void LegacyDecoder::consume(size_t size) {
  consumed_ += size;
  position_ += size;
}

/// Looks at as much of a header's magic as has arrived, so that text is told from a short stream.
void LegacyDecoder::check_magic() const {
  if (version_) {
    if (!begins_with(rest(), magic_of(*version_)))
      fail(ErrorKind::corrupt, "no chunk begins at byte {} where one must", position_);
    return;
  }
  if (!rest().empty() && !looks_legacy(rest()))
    fail(ErrorKind::corrupt, "the input is not a stream of thin-send-recv");
  if (rest().size() >= sizeof(kMagic0) && begins_with(rest(), kMagic0))
    fail(ErrorKind::unsupported, "a stream of thin-send-recv 0.x is not supported");
}

std::optional<LegacyItem> LegacyDecoder::take_header() {
  const ByteView bytes = rest().first(kHeaderSize);
  const bool first = !version_;
  if (first)
    version_ = load_be<uint64_t>(bytes, 0) == kMagic1_0 ? LegacyVersion::v1_0 : LegacyVersion::v1_1;
  const Extent extent{load_be<uint64_t>(bytes, 8), load_be<uint64_t>(bytes, 16)};
  const auto command = load_be<uint32_t>(bytes, 24);

  if (*version_ == LegacyVersion::v1_1 && first != (command == kBegin))
    fail(ErrorKind::corrupt, "byte {}: BEGIN must be the first chunk and no other", position_);
  if (*version_ == LegacyVersion::v1_0 && command != kData && command != kUnmap)
    fail(ErrorKind::unsupported, "byte {}: version 1.0 has no command {:#x}", position_, command);
  consume(kHeaderSize);
  ++stats_.chunks;
  return take_command(command, extent);
}

std::optional<LegacyItem> LegacyDecoder::take_command(uint32_t command, Extent extent) {
  switch (command) {
    case kData:
      take_extent(extent);
      ++stats_.data;
      payload_ = extent;
      expect_ = Expect::data;
      return std::nullopt;
    case kUnmap:
      take_extent(extent);
      ++stats_.unmaps;
      return LegacyUnmap{extent};
    case kBegin:
      if (extent != Extent{}) fail(ErrorKind::corrupt, "BEGIN has an offset or a length");
      return LegacyBegin{};
    case kEnd:
      if (extent != Extent{0, kCountsSize})
        fail(ErrorKind::corrupt, "END has an offset or a length that it cannot have");
      expect_ = Expect::counts;
      return std::nullopt;
  }
  if ((command & kOptionalBit) == 0)
    fail(ErrorKind::unsupported, "byte {}: command {:#x} is not known", position_ - kHeaderSize,
         command);
  payload_ = extent;
  expect_ = Expect::optional;
  return std::nullopt;
}

std::optional<LegacyItem> LegacyDecoder::take_data() {
  const uint64_t boundary = kLegacyPiece - payload_.offset % kLegacyPiece;
  const size_t size = std::min(boundary, payload_.length);
  if (rest().size() < size) return std::nullopt;
  const LegacyData piece{payload_.offset, rest().first(size)};
  consume(size);
  payload_ = {payload_.offset + size, payload_.length - size};
  if (payload_.length == 0) expect_ = Expect::header;
  return piece;
}

void LegacyDecoder::take_optional() {
  const size_t size = std::min<uint64_t>(rest().size(), payload_.length);
  consume(size);
  payload_.length -= size;
  if (payload_.length == 0) expect_ = Expect::header;
}

std::optional<LegacyItem> LegacyDecoder::take_counts() {
  if (rest().size() < kCountsSize) return std::nullopt;
  const LegacyStats sent{load_be<uint64_t>(rest(), 0), load_be<uint64_t>(rest(), 8),
                         load_be<uint64_t>(rest(), 16)};
  if (sent != stats_)
    fail(ErrorKind::corrupt, "the sender counted {}/{}/{} chunks/data/unmaps, here are {}/{}/{}",
         sent.chunks, sent.data, sent.unmaps, stats_.chunks, stats_.data, stats_.unmaps);
  consume(kCountsSize);
  expect_ = Expect::nothing;
  return LegacyEnd{sent};
}

void LegacyDecoder::take_extent(Extent extent) {
  if (const char* problem = problem_of(extent, next_offset_))
    fail(ErrorKind::corrupt, "byte {}: extent {}+{} {}", position_ - kHeaderSize, extent.offset,
         extent.length, problem);
  next_offset_ = extent.end();
}

bool looks_legacy(ByteView first_bytes) {
  return !first_bytes.empty() &&
         (begins_with(first_bytes, kMagic1_1) || begins_with(first_bytes, kMagic1_0) ||
          begins_with(first_bytes, kMagic0));
}

}  // namespace bsr
