// Wire bytes to frames.
#pragma once

#include <cstdint>
#include <optional>

#include "base/aligned_bytes.h"
#include "base/bytes.h"
#include "formats/frame.h"

namespace bsr {

/// Turns received bytes back into frames, and never reads them itself: the caller feeds what
/// arrived and drains next(). Every length is checked before it is believed, so the input may be
/// hostile; it holds at most one frame and what was fed. It knows single frames; what may follow
/// what is StreamGrammar's. One decoder serves one stream, from one thread.
class FrameDecoder {
 public:
  void feed(ByteView bytes);

  /// The same without a copy: memory for at least `size` bytes, where what arrives can be put, and
  /// how much of it did.
  [[nodiscard]] std::span<std::byte> space(size_t size);
  void fed(size_t size);

  /// The next whole frame, or nullopt when more bytes are needed. Throws Error{corrupt} if the
  /// bytes cannot be a frame, Error{unsupported} for a frame type or feature that must be known.
  std::optional<Frame> next();

  /// Call at end of input. Throws Error{truncated} unless an END frame came last, Error{corrupt}
  /// for an input too short to hold a frame that does not begin like a stream.
  void finish() const;

  /// Bytes of the stream decoded so far.
  [[nodiscard]] uint64_t position() const { return position_; }

 private:
  [[nodiscard]] ByteView rest() const {
    return ByteView(pending_).subspan(consumed_, fed_ - consumed_);
  }
  void check_magic() const;

  AlignedBytes pending_;   // which leaves new memory as it is
  size_t consumed_ = 0;    // of pending_
  size_t fed_ = 0;         // of pending_
  uint64_t position_ = 0;  // of rest() in the stream; error messages name it
  uint64_t sequence_ = 0;
  bool ended_ = false;
};

/// The payload of a BEGIN frame. Throws Error{corrupt}, Error{unsupported}.
[[nodiscard]] BeginFrame decode_begin(ByteView payload);

/// True when the bytes, at least one, are how a format 1 stream begins, as far as they go.
[[nodiscard]] bool looks_like_format1(ByteView first_bytes);

}  // namespace bsr
