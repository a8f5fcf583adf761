// What a session that continues another one says first: what the snapshot holds now where that one
// may have read something else.
#pragma once

#include <functional>

#include "formats/delta.h"
#include "formats/frame_encoder.h"
#include "platform/volume.h"

namespace bsr {

/// Reads the extents of `own`, which ascend, and puts a HOLDS frame for each MiB of them.
void ship_holds(DeltaSource& own, VolumeReader& snapshot,
                const std::function<void(const EncodedBody&)>& put);

}  // namespace bsr
