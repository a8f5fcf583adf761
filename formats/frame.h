// The frames of a stream as values.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "base/aligned_bytes.h"
#include "base/bytes.h"
#include "base/extent.h"
#include "formats/stream_format.h"

namespace bsr {

using Digest = std::array<std::byte, stream::kDigestSize>;

/// What a snapshot was when it was read, as far as metadata can tell (thin_device_state.h). Zero
/// bytes: not known.
using SourceState = std::array<std::byte, stream::kStateSize>;

/// 128 bits that stand for the extents and the bytes of one change frame (content_hash()): what an
/// encoder can compute on its own, so that only the short chain over these is serial.
struct ContentHash {
  uint64_t low = 0;
  uint64_t high = 0;

  friend bool operator==(const ContentHash&, const ContentHash&) = default;
};

/// Counts over the change frames of a whole logical transfer, and the last link of their digest
/// chain.
struct Totals {
  uint64_t frames = 0;
  uint64_t extents = 0;
  uint64_t data_bytes = 0;  ///< those of patches too
  uint64_t zero_bytes = 0;
  uint64_t unmap_bytes = 0;
  Digest digest{};

  friend bool operator==(const Totals&, const Totals&) = default;
};

/// A place between two frames of a transfer: every extent before it ends at or below `position`,
/// every later one begins at or above it. Position 0, with empty totals, is the start.
struct ResumePoint {
  uint64_t position = 0;  ///< bytes in the volume
  Totals totals;

  friend bool operator==(const ResumePoint&, const ResumePoint&) = default;
};

/// What the stream is about. Sizes are bytes, multiples of 512.
struct BeginFrame {
  uint32_t sector_size = 512;  ///< logical sector of the source
  uint64_t features = 0;       ///< features a reader must understand
  uint64_t volume_size = 0;
  uint64_t base_size = 0;   ///< of the base snapshot; 0 in a full stream
  uint32_t chunk_size = 0;  ///< of the source pool
  uint64_t epoch = 0;
  int64_t snapshot_time = 0;  ///< seconds since 1970 UTC
  uint64_t plan_data = 0;     ///< bytes in data extents, before zero areas are taken out
  uint64_t plan_unmap = 0;    ///< bytes in unmap extents
  uint64_t plan_extents = 0;
  Digest plan_hash{};
  std::string volume_id;
  std::string snapshot_id;
  std::string base_id;  ///< empty: a full stream
  std::string name;     ///< of the source volume, for people
  ResumePoint resume;   ///< where this stream continues an earlier one of the same identity
  SourceState snapshot_state{};  ///< only with stream::kFeatureStates, as the next
  SourceState base_state{};

  [[nodiscard]] bool is_full() const { return base_id.empty(); }
  [[nodiscard]] bool has_states() const { return (features & stream::kFeatureStates) != 0; }
  void set_states(const SourceState& snapshot, const SourceState& base) {
    features |= stream::kFeatureStates;
    snapshot_state = snapshot;
    base_state = base;
  }
};

/// Bytes for extents; `content` holds them one after the other, decoded.
struct DataFrame {
  std::vector<Extent> extents;
  AlignedBytes content;
};

/// Bytes for extents of which the base holds an older state, packed against that (patch.h). All
/// places lie below the base's end.
struct PatchFrame {
  std::vector<Extent> extents;
  std::vector<Extent> references;  ///< what it is packed against too: as the volume is there when
                                   ///< the frame comes
  ContentHash base;                ///< of the bytes that it applies to
  ContentHash content;             ///< of what comes out, as it counts in the digest chain
  AlignedBytes packed;             ///< one zstd frame
};

/// Areas that are mapped in the source and hold zeros.
struct ZeroFrame {
  std::vector<Extent> extents;
};

/// Areas that the base had mapped and the source has not.
struct UnmapFrame {
  std::vector<Extent> extents;
};

/// What the snapshot holds in places that an earlier stream sent: they may have been written to in
/// place since. Only in a stream that continues one.
struct HoldsFrame {
  std::vector<Extent> extents;
  ContentHash content;
};

/// Everything below `position` has been sent.
struct CheckpointFrame {
  uint64_t position = 0;
  Digest digest{};
};

/// END will have a content root, and everything below `position` was looked at for it.
struct ContentFrame {
  uint64_t position = 0;
};

struct EndFrame : Totals {
  Digest content_root{};  ///< of the whole snapshot (content_tree.h); zero: not computed
};

/// A frame of a later version that may be passed over.
struct UnknownFrame {
  uint16_t type = 0;
};

using FrameBody = std::variant<BeginFrame, HoldsFrame, DataFrame, PatchFrame, ZeroFrame, UnmapFrame,
                               CheckpointFrame, ContentFrame, EndFrame, UnknownFrame>;

/// A decoded frame and where it stood.
struct Frame {
  FrameBody body;
  uint64_t sequence = 0;
  uint64_t position = 0;     ///< of its header in the stream, bytes
  uint32_t wire_length = 0;  ///< header and payload, bytes
  bool compressed = false;
};

}  // namespace bsr
