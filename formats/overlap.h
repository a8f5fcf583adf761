// Which parts of an area a list of extents names.
#pragma once

#include <optional>

#include "formats/delta.h"

namespace bsr {

/// Asks a source, from front to back, about one area after the other.
class Overlap {
 public:
  /// The source outlives it.
  explicit Overlap(DeltaSource& source) : source_(source), ahead_(source.next()) {}

  /// Calls `on_part` for each part of the area that the source names. Areas ascend and do not
  /// overlap. Throws what the source throws.
  template <typename OnPart>
  void parts_of(Extent area, const OnPart& on_part) {
    for (; ahead_ && ahead_->extent.offset < area.end(); ahead_ = source_.next()) {
      if (const auto part = clip(ahead_->extent, area.offset, area.end())) on_part(*part);
      if (ahead_->extent.end() > area.end()) return;  // it may reach into the next area
    }
  }

 private:
  DeltaSource& source_;
  std::optional<DeltaExtent> ahead_;
};

}  // namespace bsr
