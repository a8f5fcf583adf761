// The streams of thin-send-recv 1.0 and 1.1, to be read and written for hosts that still use it.
//
//   1.1 := BEGIN (DATA | UNMAP | optional)* END        1.0 := (DATA | UNMAP)* and then end of input
//   chunk  := header payload
//   header := magic u64, offset u64, length u64, command u32; big-endian, 28 bytes
//
// DATA is followed by `length` bytes, UNMAP by none. END is at offset 0 with a length of 24: how
// many chunks there were in all (BEGIN, END and optional ones included), how many DATA, how many
// UNMAP. A command with bit 31 set may be passed over with its payload. (Layout: thin_send_recv.c
// of LINBIT/thin-send-recv 1.1.3.)
//
// There is no checksum, name or size in these streams. What a reader can see of damage is in the
// headers; what it cannot: anything in a payload, and offsets and lengths that stay plausible.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>

#include "base/bytes.h"
#include "base/extent.h"

namespace bsr {

enum class LegacyVersion { v1_0, v1_1 };

/// How many chunks went by.
struct LegacyStats {
  uint64_t chunks = 0;  ///< of any kind
  uint64_t data = 0;
  uint64_t unmaps = 0;

  friend bool operator==(const LegacyStats&, const LegacyStats&) = default;
};

/// Makes the headers of one stream and keeps the counts for its end. Call begin() first, end()
/// last, also for 1.0, where both are empty. So a 1.0 stream without any change is no bytes at
/// all, which LegacyDecoder takes for a stream that was cut.
class LegacyEncoder {
 public:
  explicit LegacyEncoder(LegacyVersion version) : version_(version) {}

  [[nodiscard]] Bytes begin();

  /// The header of a DATA chunk; its extent.length bytes must follow. Extents ascend without
  /// overlap, are not empty, and multiples of 512: Error{failed} when the caller got that wrong.
  [[nodiscard]] Bytes data(Extent extent);

  /// A whole UNMAP chunk; the extent is bound as for data().
  [[nodiscard]] Bytes unmap(Extent extent);

  [[nodiscard]] Bytes end();

 private:
  void take(Extent extent);

  LegacyVersion version_;
  LegacyStats stats_;
  uint64_t next_offset_ = 0;
};

/// First item of a 1.1 stream.
struct LegacyBegin {};

/// A piece of a DATA chunk. Chunks are cut where offsets are multiples of kLegacyPiece, however
/// they arrived.
struct LegacyData {
  uint64_t offset = 0;  ///< bytes, a multiple of 512
  ByteView bytes;       ///< 512 to kLegacyPiece, a multiple of 512; good until the next feed()
};
constexpr uint64_t kLegacyPiece = uint64_t{256} << 10;

struct LegacyUnmap {
  Extent extent;  ///< bytes, multiples of 512
};

/// Last item of a 1.1 stream; the counts were found right.
struct LegacyEnd {
  LegacyStats stats;
};

using LegacyItem = std::variant<LegacyBegin, LegacyData, LegacyUnmap, LegacyEnd>;

/// Turns received bytes into what they say, and never reads them itself: the caller feeds what
/// arrived and drains next(). The input may be hostile: memory is bounded by what was fed and one
/// piece, whatever length a chunk claims. Extents ascend without overlap and end below 2^63. One
/// decoder serves one stream, from one thread; after it threw it must not be used.
class LegacyDecoder {
 public:
  void feed(ByteView bytes);

  /// The next item, or nullopt when more bytes are needed. Throws Error{corrupt} if the bytes
  /// cannot be such a stream, Error{unsupported} for the format of thin-send-recv 0.x and for a
  /// command that is unknown and not optional.
  std::optional<LegacyItem> next();

  /// Call at end of input, after next() gave nullopt. Throws Error{truncated} unless the stream
  /// ended as its version demands: 1.1 with END, 1.0 behind a chunk. Empty input is truncated.
  void finish() const;

  /// Known from the first header on.
  [[nodiscard]] std::optional<LegacyVersion> version() const { return version_; }

  /// Bytes of the stream decoded so far.
  [[nodiscard]] uint64_t position() const { return position_; }

  /// What was decoded so far, chunks that are not through included; in 1.0 the only account.
  [[nodiscard]] const LegacyStats& stats() const { return stats_; }

 private:
  enum class Expect { header, data, optional, counts, nothing };

  [[nodiscard]] ByteView rest() const { return ByteView(pending_).subspan(consumed_); }
  void consume(size_t size);
  void check_magic() const;
  std::optional<LegacyItem> take_header();
  std::optional<LegacyItem> take_command(uint32_t command, Extent extent);
  std::optional<LegacyItem> take_data();
  void take_optional();
  std::optional<LegacyItem> take_counts();
  void take_extent(Extent extent);

  Bytes pending_;
  size_t consumed_ = 0;    // of pending_
  uint64_t position_ = 0;  // of rest() in the stream; error messages name it
  std::optional<LegacyVersion> version_;
  LegacyStats stats_;
  Expect expect_ = Expect::header;
  Extent payload_;            // what is left of the DATA or optional chunk
  uint64_t next_offset_ = 0;  // where the next extent may begin at the earliest
};

/// True when the bytes, at least one, are how a stream of thin-send-recv begins, as far as they go;
/// also of its version 0.x, so that LegacyDecoder can refuse that by name.
[[nodiscard]] bool looks_legacy(ByteView first_bytes);

}  // namespace bsr
