// What a thin device holds, and what differs between two, read from the mapping trees.
#pragma once

#include <cstdint>
#include <memory>

#include "formats/delta.h"
#include "formats/thin_metadata.h"

namespace bsr {

// Both sources yield whole chunks, adjacent ones of one kind merged, and only those that overlap
// [begin, end) in bytes; an extent is not cut at these limits. Memory is O(tree height). `metadata`
// must outlive the source. Creating them and next() throw as MappingCursor does, and Error{failed}
// for a device that the pool does not have.

/// Everything that one device maps, as data.
[[nodiscard]] std::unique_ptr<DeltaSource> full_tree_delta(const ThinMetadata& metadata,
                                                           uint64_t thin_id, uint64_t begin,
                                                           uint64_t end);

/// From base to target: data where the target maps a data block that the base does not have there,
/// unmap where only the base maps one. Subtrees that both devices share are not read, so the cost
/// is that of the change.
/// `base_stood_still`, where given, says when the source has come to its end whether the base was
/// not written to after it was taken, wherever the two differ. What the kernel writes into a
/// snapshot gets a mapping of its own, not older than the snapshot (break_sharing() in Linux'
/// drivers/md/dm-thin.c); what is discarded leaves no trace.
[[nodiscard]] std::unique_ptr<DeltaSource> tree_delta(const ThinMetadata& metadata,
                                                      uint64_t base_thin_id,
                                                      uint64_t target_thin_id, uint64_t begin,
                                                      uint64_t end,
                                                      bool* base_stood_still = nullptr);

}  // namespace bsr
