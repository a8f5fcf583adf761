// Checks in this order: magic, header checksum, length, payload checksum, then the payload's own
// layout.
#include "formats/frame_decoder.h"

#include <xxhash.h>

#include <algorithm>

#include "base/error.h"
#include "base/sector.h"
#include "formats/extent_codec.h"
#include "formats/zstd_frame.h"

namespace bsr {
namespace {

using stream::FrameType;

struct Header {
  uint16_t type;
  uint16_t flags;
  uint64_t sequence;
  uint32_t length;
  uint64_t payload_checksum;
};

/// Reads a payload front to back; every take() is checked against what is left.
class PayloadReader {
 public:
  explicit PayloadReader(ByteView payload) : rest_(payload) {}

  template <typename T>
  T take() {
    const T value = load_le<T>(bytes(sizeof(T)), 0);
    return value;
  }

  ByteView bytes(size_t size) {
    if (size > rest_.size()) fail(ErrorKind::corrupt, "payload is too short");
    const ByteView taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  Digest digest() {
    Digest digest;
    std::ranges::copy(bytes(digest.size()), digest.begin());
    return digest;
  }

  SourceState state() {
    SourceState state;
    std::ranges::copy(bytes(state.size()), state.begin());
    return state;
  }

  Totals totals() {
    Totals totals;
    totals.frames = take<uint64_t>();
    totals.extents = take<uint64_t>();
    totals.data_bytes = take<uint64_t>();
    totals.zero_bytes = take<uint64_t>();
    totals.unmap_bytes = take<uint64_t>();
    totals.digest = digest();
    return totals;
  }

  /// Printable ASCII without blanks for identities; names may hold any printable ASCII.
  std::string text(size_t size, char lowest) {
    const ByteView field = bytes(size);
    std::string text(reinterpret_cast<const char*>(field.data()), field.size());
    text.resize(std::min(text.find('\0'), text.size()));
    if (text.size() == size) fail(ErrorKind::corrupt, "a text has no end");
    const bool padded = std::all_of(field.begin() + static_cast<std::ptrdiff_t>(text.size()),
                                    field.end(), [](std::byte b) { return b == std::byte{0}; });
    const bool printable =
        std::all_of(text.begin(), text.end(), [&](char c) { return c >= lowest && c <= '~'; });
    if (!padded || !printable) fail(ErrorKind::corrupt, "a text holds bytes that it must not");
    return text;
  }

  void finish() const {
    if (!rest_.empty()) fail(ErrorKind::corrupt, "payload is too long");
  }

  [[nodiscard]] ByteView rest() const { return rest_; }

 private:
  ByteView rest_;
};

void check_multiple(uint64_t value, const char* what) {
  if (value % kSectorSize != 0) fail(ErrorKind::corrupt, "{} {} is not whole sectors", what, value);
}

struct ExtentTable {
  std::vector<Extent> extents;
  uint32_t content_length = 0;
};

ExtentTable decode_extents(PayloadReader& payload) {
  const auto count = payload.take<uint32_t>();
  ExtentTable table;
  table.content_length = payload.take<uint32_t>();
  if (count == 0 || count > stream::kMaxExtents)
    fail(ErrorKind::corrupt, "{} extents in one frame", count);
  PayloadReader entries(payload.bytes(count * stream::kExtentSize));
  table.extents.reserve(count);
  uint64_t cursor = 0;
  for (uint32_t i = 0; i < count; ++i) {
    Extent extent;
    extent.offset = entries.take<uint64_t>();
    extent.length = entries.take<uint64_t>();
    check_multiple(extent.offset, "extent offset");
    check_multiple(extent.length, "extent length");
    if (extent.length == 0 || extent.offset > INT64_MAX || extent.length > INT64_MAX)
      fail(ErrorKind::corrupt, "extent {}+{} cannot be", extent.offset, extent.length);
    if (extent.offset < cursor)
      fail(ErrorKind::corrupt, "extents do not ascend at {}", extent.offset);
    cursor = extent.end();
    table.extents.push_back(extent);
  }
  return table;
}

DataFrame decode_data(PayloadReader payload, bool zstd) {
  DataFrame data;
  ExtentTable table = decode_extents(payload);
  const uint32_t length = table.content_length;
  uint64_t sum = 0;
  for (const Extent& extent : table.extents) sum += std::min<uint64_t>(extent.length, UINT32_MAX);
  if (length > stream::kMaxContent || sum != length)
    fail(ErrorKind::corrupt, "extents of {} bytes with {} bytes of content", sum, length);
  data.extents = std::move(table.extents);
  const ByteView wire = payload.rest();
  if (zstd) {
    data.content = unpack_zstd(wire, length);
  } else {
    if (wire.size() != length)
      fail(ErrorKind::corrupt, "{} bytes of data where {} belong", wire.size(), length);
    data.content.assign(wire.begin(), wire.end());
  }
  return data;
}

ContentHash decode_hash(PayloadReader& payload) {
  const auto low = payload.take<uint64_t>();
  return {low, payload.take<uint64_t>()};
}

/// As many as `count` says, of at most kMaxContent bytes together.
std::vector<Extent> decode_compact(ByteView list, uint32_t count) {
  if (count > stream::kMaxExtents) fail(ErrorKind::corrupt, "{} extents in one frame", count);
  ExtentDecoder decoder;
  const auto next_byte = [&]() -> std::optional<std::byte> {
    if (list.empty()) return std::nullopt;
    const std::byte byte = list.front();
    list = list.subspan(1);
    return byte;
  };
  std::vector<Extent> extents;
  uint64_t sum = 0;
  while (const std::optional<DeltaExtent> found = decoder.next(next_byte)) {
    if (found->kind != DeltaKind::data || extents.size() == count)
      fail(ErrorKind::corrupt, "the extents of a patch are not those that it counts");
    sum += std::min<uint64_t>(found->extent.length, UINT32_MAX);
    extents.push_back(found->extent);
  }
  if (extents.size() != count || sum > stream::kMaxContent)
    fail(ErrorKind::corrupt, "{} extents of {} bytes where {} belong", extents.size(), sum, count);
  return extents;
}

/// Each may cost a reader a read of its own.
std::vector<Extent> decode_references(ByteView list, uint32_t count) {
  if (count > stream::kMaxReferences) fail(ErrorKind::corrupt, "{} references in one patch", count);
  std::vector<Extent> references = decode_compact(list, count);
  for (const Extent& reference : references)
    if ((reference.offset | reference.length) % stream::kReferenceUnit != 0)
      fail(ErrorKind::corrupt, "a patch refers to {} bytes at byte {}, not to whole pages",
           reference.length, reference.offset);
  return references;
}

PatchFrame decode_patch(PayloadReader payload) {
  PatchFrame patch;
  const auto count = payload.take<uint32_t>();
  const auto length = payload.take<uint32_t>();
  patch.base = decode_hash(payload);
  patch.content = decode_hash(payload);
  const auto extents_size = payload.take<uint32_t>();
  const auto references = payload.take<uint32_t>();
  const auto references_size = payload.take<uint32_t>();
  if (count == 0) fail(ErrorKind::corrupt, "0 extents in one frame");
  patch.extents = decode_compact(payload.bytes(extents_size), count);
  patch.references = decode_references(payload.bytes(references_size), references);
  if (total_length(patch.extents) != length)
    fail(ErrorKind::corrupt, "{} bytes of extents where {} belong", total_length(patch.extents),
         length);
  check_zstd(payload.rest());
  patch.packed.assign(payload.rest().begin(), payload.rest().end());
  return patch;
}

HoldsFrame decode_holds(PayloadReader payload) {
  ExtentTable table = decode_extents(payload);
  uint64_t sum = 0;
  for (const Extent& extent : table.extents) sum += std::min<uint64_t>(extent.length, UINT32_MAX);
  if (table.content_length > stream::kMaxContent || sum != table.content_length)
    fail(ErrorKind::corrupt, "extents of {} bytes where {} belong", sum, table.content_length);
  HoldsFrame holds{std::move(table.extents), decode_hash(payload)};
  payload.finish();
  return holds;
}

std::vector<Extent> decode_bare_extents(PayloadReader payload) {
  ExtentTable table = decode_extents(payload);
  payload.finish();
  if (table.content_length != 0) fail(ErrorKind::corrupt, "content where none belongs");
  return std::move(table.extents);
}

CheckpointFrame decode_checkpoint(PayloadReader payload) {
  CheckpointFrame checkpoint;
  checkpoint.position = payload.take<uint64_t>();
  checkpoint.digest = payload.digest();
  payload.finish();
  return checkpoint;
}

ContentFrame decode_content(PayloadReader payload) {
  const ContentFrame content{payload.take<uint64_t>()};
  payload.finish();
  return content;
}

EndFrame decode_end(PayloadReader payload) {
  EndFrame end{payload.totals(), payload.digest()};
  payload.finish();
  return end;
}

FrameBody decode_body(const Header& header, ByteView bytes) {
  const uint16_t allowed =
      header.type == static_cast<uint16_t>(FrameType::data) ? stream::kFlagZstd : uint16_t{0};
  if ((header.type & stream::kSkippableBit) == 0 && (header.flags & ~allowed) != 0)
    fail(ErrorKind::unsupported, "frame flags {:#x} are not known: upgrade this program",
         header.flags);
  const PayloadReader payload(bytes);
  switch (static_cast<FrameType>(header.type)) {
    case FrameType::begin:
      return decode_begin(bytes);
    case FrameType::data:
      return decode_data(payload, (header.flags & stream::kFlagZstd) != 0);
    case FrameType::zero:
      return ZeroFrame{decode_bare_extents(payload)};
    case FrameType::unmap:
      return UnmapFrame{decode_bare_extents(payload)};
    case FrameType::checkpoint:
      return decode_checkpoint(payload);
    case FrameType::end:
      return decode_end(payload);
    case FrameType::patch:
      return decode_patch(payload);
    case FrameType::holds:
      return decode_holds(payload);
    case FrameType::content:
      return decode_content(payload);
  }
  if ((header.type & stream::kSkippableBit) != 0) return UnknownFrame{header.type};
  fail(ErrorKind::unsupported, "frame type {} is not known: upgrade this program", header.type);
}

Header decode_header(ByteView bytes) {
  const uint64_t checksum = XXH3_64bits(bytes.data(), stream::kHeaderChecksumOffset);
  if (checksum != load_le<uint64_t>(bytes, stream::kHeaderChecksumOffset))
    fail(ErrorKind::corrupt, "frame header is damaged");
  const Header header{load_le<uint16_t>(bytes, 4), load_le<uint16_t>(bytes, 6),
                      load_le<uint64_t>(bytes, 8), load_le<uint32_t>(bytes, 16),
                      load_le<uint64_t>(bytes, 24)};
  if (header.length > stream::kMaxPayload || load_le<uint32_t>(bytes, 20) != 0)
    fail(ErrorKind::corrupt, "frame of {} bytes cannot be", header.length);
  return header;
}

constexpr std::array<std::byte, 4> kMagicBytes = {
    std::byte{stream::kMagic & 0xff}, std::byte{(stream::kMagic >> 8) & 0xff},
    std::byte{(stream::kMagic >> 16) & 0xff}, std::byte{(stream::kMagic >> 24) & 0xff}};

}  // namespace

BeginFrame decode_begin(ByteView bytes) {
  PayloadReader payload(bytes);
  BeginFrame begin;
  const auto version = payload.take<uint16_t>();
  if (version != stream::kVersion)
    fail(ErrorKind::unsupported, "the stream has format version {}, this program knows {}", version,
         stream::kVersion);
  const auto flags = payload.take<uint16_t>();
  begin.sector_size = payload.take<uint32_t>();
  begin.features = payload.take<uint64_t>();
  if ((begin.features & ~stream::kKnownFeatures) != 0)
    fail(ErrorKind::unsupported,
         "the stream needs features {:#x}, this program knows {:#x}: upgrade it", begin.features,
         stream::kKnownFeatures);
  begin.volume_size = payload.take<uint64_t>();
  begin.base_size = payload.take<uint64_t>();
  begin.chunk_size = payload.take<uint32_t>();
  const auto reserved = payload.take<uint32_t>();
  begin.epoch = payload.take<uint64_t>();
  begin.snapshot_time = payload.take<int64_t>();
  begin.plan_data = payload.take<uint64_t>();
  begin.plan_unmap = payload.take<uint64_t>();
  begin.plan_extents = payload.take<uint64_t>();
  begin.plan_hash = payload.digest();
  begin.volume_id = payload.text(stream::kIdentitySize, '!');
  begin.snapshot_id = payload.text(stream::kIdentitySize, '!');
  begin.base_id = payload.text(stream::kIdentitySize, '!');
  begin.name = payload.text(stream::kNameSize, ' ');
  begin.resume.position = payload.take<uint64_t>();
  begin.resume.totals = payload.totals();
  if (begin.has_states()) {
    begin.snapshot_state = payload.state();
    begin.base_state = payload.state();
  }
  payload.finish();

  if (flags != (begin.is_full() ? stream::kBeginFull : 0) || reserved != 0 ||
      begin.snapshot_id.empty() || begin.volume_id.empty())
    fail(ErrorKind::corrupt, "BEGIN contradicts itself");
  check_multiple(begin.volume_size, "volume size");
  check_multiple(begin.base_size, "base size");
  check_multiple(begin.resume.position, "resume position");
  if (begin.volume_size > INT64_MAX || begin.base_size > INT64_MAX)
    fail(ErrorKind::corrupt, "no volume is that large");
  if (begin.is_full() && (begin.base_size != 0 || begin.base_state != SourceState{}))
    fail(ErrorKind::corrupt, "BEGIN contradicts itself");
  if (begin.resume.position > begin.volume_size ||
      (begin.resume.position == 0 && begin.resume != ResumePoint{}))
    fail(ErrorKind::corrupt, "the resume position contradicts itself");
  return begin;
}

bool looks_like_format1(ByteView first_bytes) {
  const size_t known = std::min(first_bytes.size(), kMagicBytes.size());
  return std::equal(first_bytes.begin(), first_bytes.begin() + static_cast<std::ptrdiff_t>(known),
                    kMagicBytes.begin());
}

std::span<std::byte> FrameDecoder::space(size_t size) {
  // What was consumed goes first, so the buffer stays at one frame plus one feed.
  const ByteView kept = rest();
  if (consumed_ > 0 && !kept.empty()) std::memmove(pending_.data(), kept.data(), kept.size());
  consumed_ = 0;
  fed_ = kept.size();
  if (pending_.size() < fed_ + size) pending_.resize(fed_ + size);
  return std::span(pending_).subspan(fed_);
}

void FrameDecoder::fed(size_t size) {
  if (ended_ && size > 0) fail(ErrorKind::corrupt, "{} bytes follow the end of the stream", size);
  fed_ += size;
}

void FrameDecoder::feed(ByteView bytes) {
  std::ranges::copy(bytes, space(bytes.size()).begin());
  fed(bytes.size());
}

void FrameDecoder::check_magic() const {
  if (looks_like_format1(rest())) return;
  if (position_ == 0) fail(ErrorKind::corrupt, "the input is not a bsr stream");
  fail(ErrorKind::corrupt, "no frame begins at byte {} of the stream", position_);
}

std::optional<Frame> FrameDecoder::next() {
  if (!rest().empty()) check_magic();
  if (rest().size() < stream::kHeaderSize) return std::nullopt;
  try {
    const Header header = decode_header(rest());
    if (rest().size() < stream::kHeaderSize + header.length) return std::nullopt;
    const ByteView payload = rest().subspan(stream::kHeaderSize, header.length);
    if (XXH3_64bits(payload.data(), payload.size()) != header.payload_checksum)
      fail(ErrorKind::corrupt, "frame payload is damaged");
    if (header.sequence != sequence_)
      fail(ErrorKind::corrupt, "frame {} where frame {} belongs", header.sequence, sequence_);

    Frame frame;
    frame.body = decode_body(header, payload);
    frame.sequence = sequence_++;
    frame.position = position_;
    frame.wire_length = static_cast<uint32_t>(stream::kHeaderSize + header.length);
    frame.compressed = header.flags == stream::kFlagZstd;
    consumed_ += frame.wire_length;
    position_ += frame.wire_length;
    ended_ = std::holds_alternative<EndFrame>(frame.body);
    if (ended_ && !rest().empty())
      fail(ErrorKind::corrupt, "{} bytes follow the end of the stream", rest().size());
    return frame;
  } catch (Error& error) {
    error.while_doing(fmt::format("stream at byte {}", position_));
    throw;
  }
}

void FrameDecoder::finish() const {
  if (ended_) return;
  if (position_ == 0 && rest().empty())
    fail(ErrorKind::truncated, "the input is empty: the sender failed or never started");
  if (!rest().empty()) check_magic();
  fail(ErrorKind::truncated, "the stream ends early, at byte {}", position_ + rest().size());
}

}  // namespace bsr
