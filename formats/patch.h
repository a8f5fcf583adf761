// Data of which the receiver has an older state: packed as what differs from that.
#pragma once

#include "formats/frame.h"
#include "formats/frame_encoder.h"

namespace bsr {

/// What goes into a PATCH frame. `content` and `base` hold the bytes of the extents, one after the
/// other, as they shall be and as the base has them.
struct PatchDraft {
  std::vector<Extent> extents;
  AlignedBytes content;
  AlignedBytes base;
};

/// A PATCH frame; a DATA frame where the base does not help or nothing shall be compressed.
[[nodiscard]] EncodedBody encode(PatchDraft&& draft, Compression compression);

/// Whether `base`, the bytes of its extents in order, is what a patch was made against.
[[nodiscard]] bool applies_to(const PatchFrame& patch, ByteView base);

/// The bytes of its extents as they shall be. `base`: what it applies to. Throws Error{corrupt}
/// when they do not come out as the patch says.
[[nodiscard]] AlignedBytes apply_patch(const PatchFrame& patch, ByteView base);

}  // namespace bsr
