// What differs between two snapshots, or what one snapshot holds: the common words of the delta
// engines.
#pragma once

#include <optional>

#include "base/extent.h"

namespace bsr {

enum class DeltaKind {
  data,   ///< mapped in the target; its bytes must be shipped
  unmap,  ///< mapped in the base only; the target reads as zeros there
};

struct DeltaExtent {
  Extent extent;  ///< bytes, whole chunks of the pool
  DeltaKind kind = DeltaKind::data;

  friend bool operator==(const DeltaExtent&, const DeltaExtent&) = default;
};

/// What it says of a part of its extent.
[[nodiscard]] inline DeltaExtent part_of(const DeltaExtent& whole, Extent part) {
  return {part, whole.kind};
}

/// Yields what must be shipped, ascending, without overlap, adjacent extents of one kind not
/// necessarily merged.
class DeltaSource {
 public:
  virtual ~DeltaSource() = default;

  /// The next extent, or nullopt at the end. Throws Error{corrupt} for metadata that cannot be.
  virtual std::optional<DeltaExtent> next() = 0;
};

/// Of what names nothing.
class EmptyDelta final : public DeltaSource {
 public:
  std::optional<DeltaExtent> next() override { return std::nullopt; }
};

}  // namespace bsr
