// Layouts as man/bsr-stream.5 gives them; the bounds are stream_format.h's.
#include "formats/frame_encoder.h"

#define XXH_STATIC_LINKING_ONLY  // for a streaming state on the stack
#include <xxhash.h>
#include <zstd.h>

#include <memory>

#include "base/error.h"
#include "formats/extent_codec.h"

namespace bsr {
namespace {

using stream::FrameType;

void append_text(Bytes& bytes, const std::string& text, size_t size) {
  if (text.size() >= size) fail(ErrorKind::failed, "\"{}\" is too long for the stream", text);
  append(bytes, std::as_bytes(std::span(text)));
  bytes.resize(bytes.size() + size - text.size());
}

void append_totals(Bytes& bytes, const Totals& totals) {
  append_le(bytes, totals.frames);
  append_le(bytes, totals.extents);
  append_le(bytes, totals.data_bytes);
  append_le(bytes, totals.zero_bytes);
  append_le(bytes, totals.unmap_bytes);
  append(bytes, totals.digest);
}

void append_hash(Bytes& bytes, const ContentHash& hash) {
  append_le(bytes, hash.low);
  append_le(bytes, hash.high);
}

uint64_t checksum(const EncodedBody& body) {
  // One-shot where there is one part: the streaming state costs more than small frames do.
  if (body.content.empty()) return XXH3_64bits(body.table.data(), body.table.size());
  XXH3_state_t state;
  XXH3_64bits_reset(&state);
  XXH3_64bits_update(&state, body.table.data(), body.table.size());
  XXH3_64bits_update(&state, body.content.data(), body.content.size());
  return XXH3_64bits_digest(&state);
}

/// For lists of which most extents are near each other.
Bytes compact(std::span<const Extent> extents) {
  Bytes list;
  ExtentEncoder encoder;
  for (const Extent& extent : extents) encoder.append({extent, DeltaKind::data}, list);
  return list;
}

EncodedBody finished(FrameType type, Bytes table) {
  EncodedBody body;
  body.type = type;
  body.table = std::move(table);
  body.payload_checksum = checksum(body);
  return body;
}

Bytes extent_table(std::span<const Extent> extents, uint64_t content_length) {
  Bytes table;
  table.reserve(stream::kExtentTableHeaderSize + extents.size() * stream::kExtentSize);
  append_le(table, static_cast<uint32_t>(extents.size()));
  append_le(table, static_cast<uint32_t>(content_length));
  for (const Extent& extent : extents) {
    append_le(table, extent.offset);
    append_le(table, extent.length);
  }
  return table;
}

/// Extent table, hash and counts of a change frame.
EncodedBody change(FrameType type, std::span<const Extent> extents, ByteView content) {
  EncodedBody body;
  body.type = type;
  body.extents = extents.size();
  body.table = extent_table(extents, content.size());
  body.decoded_bytes = total_length(extents);
  body.hash = content_hash(type, extents, content);
  return body;
}

/// The content as one zstd frame, or empty when that would not be smaller.
AlignedBytes compressed(ByteView content, int level) {
  // A context costs a megabyte to set up; each encoder thread keeps its own.
  thread_local const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(),
                                                                                ZSTD_freeCCtx);
  AlignedBytes out(content.size());
  const size_t size = ZSTD_compressCCtx(context.get(), out.data(), out.size(), content.data(),
                                        content.size(), level);
  if (ZSTD_isError(size) != 0U || size >= content.size())
    return {};  // incompressible: no room in `out`
  out.resize(size);
  return out;
}

}  // namespace

namespace {

/// What all versions have in front.
Bytes begin_head(const BeginFrame& begin) {
  Bytes bytes;
  bytes.reserve(stream::kBeginSizeWithStates);
  append_le(bytes, stream::kVersion);
  append_le(bytes, static_cast<uint16_t>(begin.is_full() ? stream::kBeginFull : 0));
  append_le(bytes, begin.sector_size);
  append_le(bytes, begin.features);
  append_le(bytes, begin.volume_size);
  append_le(bytes, begin.base_size);
  append_le(bytes, begin.chunk_size);
  append_le(bytes, uint32_t{0});
  append_le(bytes, begin.epoch);
  append_le(bytes, begin.snapshot_time);
  append_le(bytes, begin.plan_data);
  append_le(bytes, begin.plan_unmap);
  append_le(bytes, begin.plan_extents);
  append(bytes, begin.plan_hash);
  append_text(bytes, begin.volume_id, stream::kIdentitySize);
  append_text(bytes, begin.snapshot_id, stream::kIdentitySize);
  append_text(bytes, begin.base_id, stream::kIdentitySize);
  append_text(bytes, begin.name, stream::kNameSize);
  return bytes;
}

void append_states(Bytes& bytes, const BeginFrame& begin) {
  if (!begin.has_states()) return;
  append(bytes, begin.snapshot_state);
  append(bytes, begin.base_state);
}

}  // namespace

Bytes begin_identity(const BeginFrame& begin) {
  Bytes bytes = begin_head(begin);
  append_states(bytes, begin);
  return bytes;
}

Bytes begin_payload(const BeginFrame& begin) {
  Bytes bytes = begin_head(begin);
  append_le(bytes, begin.resume.position);
  append_totals(bytes, begin.resume.totals);
  append_states(bytes, begin);
  return bytes;
}

EncodedBody encode(const BeginFrame& begin) {
  return finished(FrameType::begin, begin_payload(begin));
}

EncodedBody encode(const HoldsFrame& holds) {
  Bytes bytes = extent_table(holds.extents, total_length(holds.extents));
  append_hash(bytes, holds.content);
  return finished(FrameType::holds, std::move(bytes));
}

EncodedBody encode(DataFrame&& data, Compression compression) {
  EncodedBody body = change(FrameType::data, data.extents, data.content);
  AlignedBytes smaller;
  if (compression.enabled) smaller = compressed(data.content, compression.level);
  if (smaller.empty()) {
    body.content = std::move(data.content);
  } else {
    body.content = std::move(smaller);
    body.flags = stream::kFlagZstd;
  }
  body.payload_checksum = checksum(body);
  return body;
}

EncodedBody encode(PatchFrame&& patch) {
  EncodedBody body;
  body.type = FrameType::patch;
  body.hash = patch.content;
  body.extents = patch.extents.size();
  body.decoded_bytes = total_length(patch.extents);
  const Bytes extents = compact(patch.extents);
  const Bytes references = compact(patch.references);
  append_le(body.table, static_cast<uint32_t>(patch.extents.size()));
  append_le(body.table, static_cast<uint32_t>(body.decoded_bytes));
  append_hash(body.table, patch.base);
  append_hash(body.table, patch.content);
  append_le(body.table, static_cast<uint32_t>(extents.size()));
  append_le(body.table, static_cast<uint32_t>(patch.references.size()));
  append_le(body.table, static_cast<uint32_t>(references.size()));
  append(body.table, extents);
  append(body.table, references);
  body.content = std::move(patch.packed);
  body.payload_checksum = checksum(body);
  return body;
}

EncodedBody encode(const ZeroFrame& zero) {
  EncodedBody body = change(FrameType::zero, zero.extents, {});
  body.payload_checksum = checksum(body);
  return body;
}

EncodedBody encode(const UnmapFrame& unmap) {
  EncodedBody body = change(FrameType::unmap, unmap.extents, {});
  body.payload_checksum = checksum(body);
  return body;
}

EncodedBody encode(const CheckpointFrame& checkpoint) {
  Bytes bytes;
  append_le(bytes, checkpoint.position);
  append(bytes, checkpoint.digest);
  return finished(FrameType::checkpoint, std::move(bytes));
}

EncodedBody encode(const ContentFrame& content) {
  Bytes bytes;
  append_le(bytes, content.position);
  return finished(FrameType::content, std::move(bytes));
}

EncodedBody encode(const EndFrame& end) {
  Bytes bytes;
  append_totals(bytes, end);
  append(bytes, end.content_root);
  return finished(FrameType::end, std::move(bytes));
}

Bytes encode_header(const EncodedBody& body, uint64_t sequence) {
  Bytes bytes;
  bytes.reserve(stream::kHeaderSize);
  append_le(bytes, stream::kMagic);
  append_le(bytes, static_cast<uint16_t>(body.type));
  append_le(bytes, body.flags);
  append_le(bytes, sequence);
  append_le(bytes, static_cast<uint32_t>(body.table.size() + body.content.size()));
  append_le(bytes, uint32_t{0});
  append_le(bytes, body.payload_checksum);
  append_le(bytes, static_cast<uint64_t>(XXH3_64bits(bytes.data(), bytes.size())));
  return bytes;
}

TransferTotals::TransferTotals(const BeginFrame& begin)
    : counts_(begin.resume.totals),
      chain_(begin.resume.position == 0 ? DigestChain(begin_identity(begin))
                                        : DigestChain(begin.resume.totals.digest)) {}

void TransferTotals::add(FrameType type, uint64_t extents, uint64_t bytes,
                         const ContentHash& hash) {
  ++counts_.frames;
  counts_.extents += extents;
  if (type == FrameType::data || type == FrameType::patch) counts_.data_bytes += bytes;
  if (type == FrameType::zero) counts_.zero_bytes += bytes;
  if (type == FrameType::unmap) counts_.unmap_bytes += bytes;
  chain_.add(hash);
}

Totals TransferTotals::value() const {
  Totals totals = counts_;
  totals.digest = chain_.value();
  return totals;
}

}  // namespace bsr
