// Of two devices that were the same once, which one was changed since.
#pragma once

#include <cstdint>
#include <optional>

#include "formats/thin_metadata.h"

namespace bsr {

/// A snapshot that must never change, and what was written down of it when it was made.
struct Kept {
  uint64_t thin_id = 0;                   ///< now
  std::optional<uint64_t> first_thin_id;  ///< when it was made
  std::optional<uint64_t> mapped_blocks;  ///< then
};

/// Whether it is the device that was made then, maps what it did, and nothing was written into it:
/// its bytes are those of then. Reads its whole tree. Throws as device_state() does.
[[nodiscard]] bool stands(const ThinMetadata& metadata, const Kept& snapshot);

enum class Moved {
  nothing,
  copy,      ///< the snapshot stands
  snapshot,  ///< or both, or what cannot be told
};

/// Compares a snapshot with the device that it was made of, or that was made of it, and that was
/// not to change since either. Costs as much as what differs; only when something does, also the
/// whole tree of the snapshot. Throws as device_state() does.
///
/// That both map the same blocks is not enough: the same chunks may have been discarded from both.
/// And a snapshot into which nothing was written may have come from elsewhere: LVM merges a
/// snapshot of a changed one into its place. It is younger then than the last snapshot of the copy.
[[nodiscard]] Moved what_moved(const ThinMetadata& metadata, const Kept& snapshot,
                               uint64_t copy_thin_id);

}  // namespace bsr
