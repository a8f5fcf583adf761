// Streams for tests: well-formed ones from frames, and frames with right checksums around whatever
// a test wants to be wrong.
#pragma once

#include <fmt/format.h>
#include <xxhash.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "base/overload.h"
#include "formats/digest.h"
#include "formats/frame.h"
#include "formats/frame_decoder.h"
#include "formats/frame_encoder.h"
#include "formats/patch.h"
#include "formats/stream_grammar.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {

constexpr Compression kPlain = {.enabled = false, .level = 0};
constexpr Compression kZstd = {.enabled = true, .level = 3};

inline BeginFrame full_begin(uint64_t volume_size = 1 << 20) {
  BeginFrame begin;
  begin.volume_size = volume_size;
  begin.chunk_size = 65536;
  begin.snapshot_time = 1736121602;
  begin.plan_data = 12288;
  begin.plan_extents = 2;
  begin.plan_hash.fill(std::byte{0x5a});
  begin.volume_id = "hVuOyv-0Iur-c1lc-Gk8V-kUfl-0nLr-3jzG8p";
  begin.snapshot_id = "7sLNeY-xkTX-9ixK-Q0F4-Gmw0-aZ1d-e0Hm2N";
  begin.name = "vg/data";
  return begin;
}

inline BeginFrame delta_begin(uint64_t volume_size = 1 << 20, uint64_t base_size = 1 << 20) {
  BeginFrame begin = full_begin(volume_size);
  begin.base_id = "p0cQ1s-3bVn-Zk2d-77aa-mmEE-uT5x-9QwErt";
  begin.base_size = base_size;
  return begin;
}

inline AlignedBytes aligned(ByteView bytes) { return {bytes.begin(), bytes.end()}; }

/// Extents over content that compresses, different for each seed.
inline DataFrame data_frame(std::vector<Extent> extents, unsigned seed = 0) {
  DataFrame data{std::move(extents), {}};
  uint64_t length = 0;
  for (const Extent& extent : data.extents) length += extent.length;
  data.content.resize(length);
  for (size_t i = 0; i < length; ++i)
    data.content[i] = static_cast<std::byte>((i / 7 * 31 + seed * 13 + 1) & 0xff);
  return data;
}

/// What patch_frame() applies to: the references, and something like what it gives.
inline AlignedBytes patch_base(const std::vector<Extent>& extents,
                               const std::vector<Extent>& references = {}) {
  AlignedBytes base = data_frame(references, 4).content;
  const size_t own = base.size();
  append(base, data_frame(extents, 3).content);
  for (size_t i = own + 100; i < base.size(); i += 1000) base[i] ^= std::byte{1};
  return base;
}

inline FrameBody decoded(const EncodedBody& body) {
  FrameDecoder decoder;
  decoder.feed(encode_header(body, 0));
  decoder.feed(body.table);
  decoder.feed(body.content);
  return decoder.next().value().body;
}

inline PatchFrame patch_frame(const std::vector<Extent>& extents,
                              const std::vector<Extent>& references = {}) {
  PatchDraft draft = {extents, data_frame(extents, 3).content, patch_base(extents, references),
                      references};
  return std::get<PatchFrame>(decoded(encode(std::move(draft), kZstd)));
}

/// A frame whose checksums are right; nothing else about it need be.
inline Bytes raw_frame(uint16_t type, uint64_t sequence, ByteView payload, uint16_t flags = 0,
                       uint32_t reserved = 0) {
  Bytes bytes;
  append_le(bytes, stream::kMagic);
  append_le(bytes, type);
  append_le(bytes, flags);
  append_le(bytes, sequence);
  append_le(bytes, static_cast<uint32_t>(payload.size()));
  append_le(bytes, reserved);
  append_le(bytes, static_cast<uint64_t>(XXH3_64bits(payload.data(), payload.size())));
  append_le(bytes, static_cast<uint64_t>(XXH3_64bits(bytes.data(), bytes.size())));
  append(bytes, payload);
  return bytes;
}

inline Bytes raw_frame(stream::FrameType type, uint64_t sequence, ByteView payload,
                       uint16_t flags = 0) {
  return raw_frame(static_cast<uint16_t>(type), sequence, payload, flags);
}

/// Payload of a change frame that no encoder would write.
inline Bytes raw_change(uint32_t count, uint32_t content_length, const std::vector<Extent>& extents,
                        ByteView content = {}) {
  Bytes bytes;
  append_le(bytes, count);
  append_le(bytes, content_length);
  for (const Extent& extent : extents) {
    append_le(bytes, extent.offset);
    append_le(bytes, extent.length);
  }
  append(bytes, content);
  return bytes;
}

inline Bytes payload_of(const EncodedBody& body) {
  Bytes bytes = body.table;
  append(bytes, body.content);
  return bytes;
}

/// The bytes of one frame. An UnknownFrame becomes a skippable one with a few bytes of payload.
inline Bytes wire(const FrameBody& body, uint64_t sequence, Compression compression = kPlain) {
  const auto encoded = [&](const EncodedBody& e) {
    Bytes bytes = encode_header(e, sequence);
    append(bytes, payload_of(e));
    return bytes;
  };
  return std::visit(
      Overload{
          [&](const DataFrame& data) { return encoded(encode(DataFrame(data), compression)); },
          [&](const PatchFrame& patch) { return encoded(encode(PatchFrame(patch))); },
          [&](const UnknownFrame& unknown) {
            return raw_frame(unknown.type, sequence, Bytes(23, std::byte{0x42}));
          },
          [&](const auto& other) { return encoded(encode(other)); },
      },
      body);
}

inline Bytes wire(const std::vector<FrameBody>& bodies, Compression compression = kPlain) {
  Bytes bytes;
  uint64_t sequence = 0;
  for (const FrameBody& body : bodies) append(bytes, wire(body, sequence++, compression));
  return bytes;
}

/// BEGIN, what is given, and the END that belongs to it; a CHECKPOINT gets the right digest.
inline std::vector<FrameBody> whole(const BeginFrame& begin, std::vector<FrameBody> between) {
  std::vector<FrameBody> bodies = {begin};
  TransferTotals totals(begin);
  const auto count = [&](const EncodedBody& body) {
    totals.add(body.type, body.extents, body.decoded_bytes, body.hash);
  };
  for (FrameBody& body : between) {
    std::visit(Overload{
                   [&](const DataFrame& data) { count(encode(DataFrame(data), kPlain)); },
                   [&](const PatchFrame& patch) { count(encode(PatchFrame(patch))); },
                   [&](const ZeroFrame& zero) { count(encode(zero)); },
                   [&](const UnmapFrame& unmap) { count(encode(unmap)); },
                   [&](CheckpointFrame& checkpoint) { checkpoint.digest = totals.digest(); },
                   [](const auto&) {},
               },
               body);
    bodies.push_back(std::move(body));
  }
  bodies.emplace_back(EndFrame{totals.value(), {}});
  return bodies;
}

inline Bytes whole_wire(const BeginFrame& begin, std::vector<FrameBody> between,
                        Compression compression = kPlain) {
  return wire(whole(begin, std::move(between)), compression);
}

/// A small stream with every kind of frame.
inline std::vector<FrameBody> small_stream() {
  return whole(
      delta_begin(),
      {data_frame({{0, 512}, {4096, 1024}}, 1), ZeroFrame{{{8192, 512}}},
       patch_frame({{12800, 1024}, {14336, 512}}, {{4096, 4096}, {12288, 4096}, {65536, 4096}}),
       UnknownFrame{0x8007}, CheckpointFrame{16384, {}}, ContentFrame{1 << 20},
       UnmapFrame{{{65536, 65536}, {196608, 65536}}}, data_frame({{524288, 512}}, 2)});
}

/// Feeds `bytes` in pieces through decoder and grammar, as a receiver does, and returns the frames.
/// Throws what they throw.
inline std::vector<Frame> receive(ByteView bytes, size_t piece = SIZE_MAX) {
  FrameDecoder decoder;
  StreamGrammar grammar;
  std::vector<Frame> frames;
  while (!bytes.empty()) {
    const ByteView fed = bytes.first(std::min(piece, bytes.size()));
    bytes = bytes.subspan(fed.size());
    decoder.feed(fed);
    while (std::optional<Frame> frame = decoder.next()) {
      grammar.check(*frame);
      frames.push_back(std::move(*frame));
    }
  }
  decoder.finish();
  return frames;
}

/// How receive() ends: nullopt for success.
inline std::optional<ErrorKind> refusal(ByteView bytes, size_t piece = SIZE_MAX) {
  return kind_thrown_by([&] { receive(bytes, piece); });
}

/// How a decoder alone takes these bytes, the first of a stream; nullopt: it waits or is content.
inline std::optional<ErrorKind> decoder_refusal(ByteView bytes) {
  return kind_thrown_by([&] {
    FrameDecoder decoder;
    decoder.feed(bytes);
    while (decoder.next()) continue;
  });
}

inline std::string describe(const std::vector<Extent>& extents) {
  std::string text;
  for (const Extent& extent : extents) text += fmt::format(" {}+{}", extent.offset, extent.length);
  return text;
}

inline std::string describe_totals(const Totals& totals) {
  return fmt::format("frames={} extents={} data={} zero={} unmap={} digest={}", totals.frames,
                     totals.extents, totals.data_bytes, totals.zero_bytes, totals.unmap_bytes,
                     to_hex(totals.digest));
}

/// Every field of a body, as text to compare.
inline std::string describe(const FrameBody& body) {
  return std::visit(
      Overload{
          [](const BeginFrame& b) {
            std::string text = fmt::format(
                "BEGIN sector={} features={} size={} base_size={} chunk={} epoch={} time={} "
                "data={} unmap={} extents={} plan={} volume=<{}> snapshot=<{}> base=<{}> "
                "name=<{}> resume={} {}",
                b.sector_size, b.features, b.volume_size, b.base_size, b.chunk_size, b.epoch,
                b.snapshot_time, b.plan_data, b.plan_unmap, b.plan_extents, to_hex(b.plan_hash),
                b.volume_id, b.snapshot_id, b.base_id, b.name, b.resume.position,
                describe_totals(b.resume.totals));
            if (b.has_states())
              text += fmt::format(" state={} base_state={}", to_hex(b.snapshot_state),
                                  to_hex(b.base_state));
            return text;
          },
          [](const HoldsFrame& holds) {
            return fmt::format("HOLDS{} content={:x},{:x}", describe(holds.extents),
                               holds.content.low, holds.content.high);
          },
          [](const DataFrame& data) {
            Sha256 sha;
            sha.update(data.content);
            return fmt::format("DATA{} content={}", describe(data.extents), to_hex(sha.finish()));
          },
          [](const PatchFrame& patch) {
            return fmt::format("PATCH{} references{} base={:x},{:x} content={:x},{:x} packed={}",
                               describe(patch.extents), describe(patch.references), patch.base.low,
                               patch.base.high, patch.content.low, patch.content.high,
                               to_hex(patch.packed));
          },
          [](const ZeroFrame& zero) { return "ZERO" + describe(zero.extents); },
          [](const UnmapFrame& unmap) { return "UNMAP" + describe(unmap.extents); },
          [](const CheckpointFrame& checkpoint) {
            return fmt::format("CHECKPOINT {} digest={}", checkpoint.position,
                               to_hex(checkpoint.digest));
          },
          [](const ContentFrame& content) { return fmt::format("CONTENT {}", content.position); },
          [](const EndFrame& end) {
            return fmt::format("END {} root={}", describe_totals(end), to_hex(end.content_root));
          },
          [](const UnknownFrame& unknown) { return fmt::format("skippable {:#x}", unknown.type); },
      },
      body);
}

inline std::vector<std::string> describe(const std::vector<FrameBody>& bodies) {
  std::vector<std::string> texts;
  for (const FrameBody& body : bodies) texts.push_back(describe(body));
  return texts;
}

inline std::vector<std::string> describe(const std::vector<Frame>& frames) {
  std::vector<std::string> texts;
  for (const Frame& frame : frames) texts.push_back(describe(frame.body));
  return texts;
}

}  // namespace bsr
