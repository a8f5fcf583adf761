#include "bsr-send/plan.h"

#include "formats/merged_delta.h"

namespace bsr {

Plan::Plan(DeltaSource& source, uint64_t chunk_size) {
  PlanCounter counter(chunk_size);
  MergedDelta merged(source);
  while (const std::optional<DeltaExtent> extent = merged.next()) {
    counter.add(*extent);
    extents_.append(*extent);
  }
  figures_ = counter.finish();
}

}  // namespace bsr
