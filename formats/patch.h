// Data of which the receiver has an older state: packed as what differs from that.
#pragma once

#include "formats/frame.h"
#include "formats/frame_encoder.h"

namespace bsr {

/// What goes into a PATCH frame.
struct PatchDraft {
  std::vector<Extent> extents;
  AlignedBytes content;  ///< of the extents, one after the other, as they shall be
  AlignedBytes base;     ///< the same as the base has it; before that, of the references
  std::vector<Extent> references = {};
};

/// A PATCH frame; a DATA frame where the base does not help or nothing shall be compressed.
[[nodiscard]] EncodedBody encode(PatchDraft&& draft, Compression compression);

/// Whether `base`, the bytes of its references and then of its extents, is what a patch was made
/// against.
[[nodiscard]] bool applies_to(const PatchFrame& patch, ByteView base);

/// The bytes of its extents as they shall be. `base`: what it applies to. Throws Error{corrupt}
/// when they do not come out as the patch says.
[[nodiscard]] AlignedBytes apply_patch(const PatchFrame& patch, ByteView base);

}  // namespace bsr
