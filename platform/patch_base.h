// What a patch is packed against, read from volumes.
#pragma once

#include "platform/volume.h"

namespace bsr {

/// Format 1's rule for a patch whose first extent begins at `begin`: what lies before it is as the
/// stream has made the volume so far, what lies at it or behind it is as in the base.
struct PatchVolumes {
  VolumeReader& written;  ///< as the stream has made it, up to `begin` at least
  VolumeReader& base;
};

/// The bytes of the references, one after the other, then those that the base holds in `extents`.
/// Throws what the readers throw.
[[nodiscard]] AlignedBytes read_patch_base(const PatchVolumes& volumes, uint64_t begin,
                                           std::span<const Extent> references,
                                           std::span<const Extent> extents);

}  // namespace bsr
