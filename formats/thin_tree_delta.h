// What a thin device holds, and what differs between two, read from the mapping trees.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "formats/delta.h"
#include "formats/thin_device_state.h"
#include "formats/thin_metadata.h"

namespace bsr {

/// What walks note of the devices that they meet, so that finding their states costs no walk of its
/// own where a walk over what is not shared meets all own mappings.
struct OwnOfBoth {
  std::optional<OwnMappings> base;
  OwnMappings target;

  /// Throws Error{failed} for a device that the pool does not have.
  OwnOfBoth(const ThinMetadata& metadata, std::optional<uint64_t> base_thin_id,
            uint64_t target_thin_id);

  /// Whether subtrees that both share may hold own mappings of either.
  [[nodiscard]] bool may_be_shared() const {
    return (base && base->may_be_shared()) || target.may_be_shared();
  }
};

// The sources yield whole chunks, adjacent ones of one kind merged, and only those that overlap
// [begin, end) in bytes; an extent is not cut at these limits. Memory is O(tree height). `metadata`
// and `own` must outlive the source. Creating them and next() throw as MappingCursor does, and
// Error{failed} for a device that the pool does not have.

/// Everything that one device maps, as data. `own`, where given, has no base.
[[nodiscard]] std::unique_ptr<DeltaSource> full_tree_delta(const ThinMetadata& metadata,
                                                           uint64_t thin_id, uint64_t begin,
                                                           uint64_t end, OwnOfBoth* own = nullptr);

/// From base to target: data where the target maps a data block that the base does not have there,
/// unmap where only the base maps one. Subtrees that both devices share are not read, so the cost
/// is that of the change.
/// With `own`, it is what turns the base *as it was at an earlier time* into the target, given that
/// its state was the same then: data also where both have the same data block and it is the base's
/// own, which may have held something else. Then both trees are read as a whole, if a snapshot of
/// one of the two was ever made.
[[nodiscard]] std::unique_ptr<DeltaSource> tree_delta(const ThinMetadata& metadata,
                                                      uint64_t base_thin_id,
                                                      uint64_t target_thin_id, uint64_t begin,
                                                      uint64_t end, OwnOfBoth* own = nullptr);

/// Only what `own` adds to that.
[[nodiscard]] std::unique_ptr<DeltaSource> shared_own_delta(const ThinMetadata& metadata,
                                                            uint64_t base_thin_id,
                                                            uint64_t target_thin_id, uint64_t begin,
                                                            uint64_t end, OwnOfBoth& own);

/// Everything that the target maps, as full_tree_delta() does, while the base's own mappings are
/// noted too.
[[nodiscard]] std::unique_ptr<DeltaSource> target_tree_delta(const ThinMetadata& metadata,
                                                             uint64_t base_thin_id,
                                                             uint64_t target_thin_id,
                                                             uint64_t begin, uint64_t end,
                                                             OwnOfBoth& own);

}  // namespace bsr
