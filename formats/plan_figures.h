// What BEGIN says about everything that will be shipped.
#pragma once

#include <cstdint>

#include "formats/delta.h"
#include "formats/digest.h"
#include "formats/extent_codec.h"
#include "formats/frame.h"

namespace bsr {

struct PlanFigures {
  uint64_t data_bytes = 0;
  uint64_t unmap_bytes = 0;
  uint64_t extents = 0;
  Digest hash{};  ///< SHA-256 over chunk size and extents in order
};

/// Goes through a plan once, in bounded memory. Its extents come merged (MergedDelta), so that
/// equal plans have equal figures whoever made them.
class PlanCounter {
 public:
  /// `chunk_size` goes into the hash: it decides how extents are cut on the way.
  explicit PlanCounter(uint64_t chunk_size);

  /// The extent's compact form (ExtentDecoder reads it), until the next call. Throws Error{corrupt}
  /// unless extents ascend.
  ByteView add(const DeltaExtent& extent);

  [[nodiscard]] PlanFigures finish();  ///< once

 private:
  PlanFigures figures_;
  ExtentEncoder encoder_;
  Sha256 sha_;
  Bytes bytes_;
};

}  // namespace bsr
