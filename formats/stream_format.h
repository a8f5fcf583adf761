// Format 1 of the stream as constants: the layout that the encoder, the decoder and
// man/bsr-stream.5 share.
//
//   stream := BEGIN (HOLDS | skippable)* (DATA | PATCH | ZERO | UNMAP | CHECKPOINT | skippable)*
//   END frame  := header payload
//
// CONTENT is a skippable one.
//
// All integers are little-endian.
#pragma once

#include <cstddef>
#include <cstdint>

namespace bsr::stream {

// Frame header: magic u32, type u16, flags u16, sequence u64, payload length u32, zero u32,
// xxh3-64 of the payload u64, xxh3-64 of the header bytes before it u64.
constexpr uint32_t kMagic = 0x31525342;  // "BSR1"
constexpr size_t kHeaderSize = 40;
constexpr size_t kHeaderChecksumOffset = 32;

enum class FrameType : uint16_t {
  begin = 1,
  data = 2,
  zero = 3,
  unmap = 4,
  checkpoint = 5,
  end = 6,
  patch = 7,
  holds = 8,
  content = 0x8010,
};
constexpr uint16_t kSkippableBit =
    0x8000;  // a type with this bit may be passed over by who does not know it
constexpr uint16_t kFlagZstd = 1;  // DATA: the bytes behind the extent table are one zstd frame

// Bounds, checked before memory is taken.
constexpr uint32_t kMaxExtents = 4096;      // in one frame
constexpr uint32_t kMaxContent = 1U << 20;  // decoded bytes of one DATA or PATCH frame; referred to
constexpr uint32_t kMaxReferences = 128;    // of one PATCH frame
constexpr uint64_t kReferenceUnit = 4096;   // bytes; offsets and lengths of references
constexpr size_t kExtentSize = 16;          // offset u64, length u64
constexpr size_t kExtentTableHeaderSize = 8;  // extent count u32, content length u32
constexpr uint32_t kMaxPayload =
    static_cast<uint32_t>(kExtentTableHeaderSize + kMaxExtents * kExtentSize) + kMaxContent;

constexpr size_t kDigestSize = 32;
constexpr size_t kStateSize = 16;
constexpr size_t kIdentitySize = 64;  // printable ASCII, padded with zero bytes
constexpr size_t kNameSize = 128;

// BEGIN payload.
constexpr uint16_t kVersion = 1;
constexpr uint16_t kBeginFull = 1;      // flag: no base, every gap is zero
constexpr uint64_t kFeatureStates = 1;  // the states of snapshot and base are at the end of BEGIN
constexpr uint64_t kKnownFeatures = kFeatureStates;  // what a reader of this version understands
constexpr size_t kFeaturesOffset = 8;
constexpr size_t kBeginIdentityEnd =
    432;  // the digest chain starts from the bytes before this offset, and the states
constexpr size_t kTotalsSize = 5 * 8 + kDigestSize;
constexpr size_t kBeginSize = kBeginIdentityEnd + 8 + kTotalsSize;
constexpr size_t kBeginSizeWithStates = kBeginSize + 2 * kStateSize;

constexpr size_t kCheckpointSize = 8 + kDigestSize;
constexpr size_t kContentSize = 8;
constexpr size_t kEndSize = kTotalsSize + kDigestSize;

}  // namespace bsr::stream
