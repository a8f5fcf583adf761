// Frames to wire bytes, in two steps so that the costly one can run on many threads: a body is
// encoded on its own (hashes, compression); its header, which needs the sequence number, is made
// when it is written.
#pragma once

#include <cstdint>

#include "formats/digest.h"
#include "formats/frame.h"

namespace bsr {

/// A level of zstd, which may be negative, or off.
struct Compression {
  bool enabled = true;
  int level = 3;
};

/// Payload of one frame: `table` then `content` on the wire.
struct EncodedBody {
  stream::FrameType type = stream::FrameType::data;
  uint16_t flags = 0;
  Bytes table;
  AlignedBytes content;
  uint64_t payload_checksum = 0;
  ContentHash hash;            ///< of a change frame, for the digest chain
  uint64_t extents = 0;        ///< of a change frame
  uint64_t decoded_bytes = 0;  ///< of a change frame: the sum of its extents
};

[[nodiscard]] EncodedBody encode(const BeginFrame& begin);
[[nodiscard]] EncodedBody encode(const HoldsFrame& holds);
[[nodiscard]] EncodedBody encode(DataFrame&& data, Compression compression);
[[nodiscard]] EncodedBody encode(PatchFrame&& patch);
[[nodiscard]] EncodedBody encode(const ZeroFrame& zero);
[[nodiscard]] EncodedBody encode(const UnmapFrame& unmap);
[[nodiscard]] EncodedBody encode(const CheckpointFrame& checkpoint);
[[nodiscard]] EncodedBody encode(const ContentFrame& content);
[[nodiscard]] EncodedBody encode(const EndFrame& end);

/// The whole payload of BEGIN.
[[nodiscard]] Bytes begin_payload(const BeginFrame& begin);

/// The header that goes before the body's payload; sequence counts from 0, the BEGIN frame.
[[nodiscard]] Bytes encode_header(const EncodedBody& body, uint64_t sequence);

/// The parts of BEGIN that name the transfer and start the digest chain: not where it resumes.
[[nodiscard]] Bytes begin_identity(const BeginFrame& begin);

/// Keeps what END reports about the change frames of a transfer.
class TransferTotals {
 public:
  /// Continues where `begin` resumes.
  explicit TransferTotals(const BeginFrame& begin);

  void add(stream::FrameType type, uint64_t extents, uint64_t bytes, const ContentHash& hash);
  [[nodiscard]] const Digest& digest() const { return chain_.value(); }
  [[nodiscard]] Totals value() const;

 private:
  Totals counts_;
  DigestChain chain_;
};

}  // namespace bsr
