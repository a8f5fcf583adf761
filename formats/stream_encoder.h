// Encoded bodies in order become the bytes of a stream.
#pragma once

#include <functional>

#include "formats/frame_encoder.h"

namespace bsr {

/// Format 1: numbers the frames, keeps the digest chain, sets checkpoints.
class StreamEncoder {
 public:
  /// Takes the bytes of the stream in order; the parts belong together and live only for the call.
  using Put = std::function<void(ByteView header, ByteView table, ByteView content)>;

  /// Puts BEGIN.
  StreamEncoder(Put put, const BeginFrame& begin);

  /// A HOLDS frame; before everything else.
  void holds(const EncodedBody& body) { put(body); }

  /// Everything below `position` was looked at for the content root that END will have.
  void content(uint64_t position) { put(encode(ContentFrame{position})); }

  /// `end_position`: where the last extent of the body ends.
  void write(const EncodedBody& body, uint64_t end_position);

  /// Nothing needs to be said up to here: puts a CHECKPOINT.
  void pass(uint64_t position);

  /// Puts a CHECKPOINT, behind whatever came last.
  void checkpoint();

  /// Puts END. `content_root`: of the snapshot; zero bytes when it is not known.
  Totals finish(const Digest& content_root = {});

  [[nodiscard]] uint64_t wire_bytes() const { return wire_bytes_; }

 private:
  void put(const EncodedBody& body);

  Put put_;
  TransferTotals totals_;
  uint64_t sequence_ = 0;
  uint64_t wire_bytes_ = 0;
  uint64_t position_;              // where the last extent ended
  uint64_t since_checkpoint_ = 0;  // decoded bytes
};

}  // namespace bsr
