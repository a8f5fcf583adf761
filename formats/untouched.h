// Comparing what changed in a volume with what somebody says to have touched there.
#pragma once

#include <cstdint>
#include <optional>

#include "formats/delta.h"

namespace bsr {

/// The first place that changed and was not touched, or nullopt when all that changed was. A chunk
/// of which some byte was touched counts as touched whole: a pool's metadata cannot tell more.
/// `changed` yields whole chunks, but for the last one of a volume; both ascend. Throws what they
/// throw.
[[nodiscard]] std::optional<Extent> first_untouched(DeltaSource& changed, DeltaSource& touched,
                                                    uint64_t chunk_size);

}  // namespace bsr
