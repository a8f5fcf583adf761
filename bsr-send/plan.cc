#include "bsr-send/plan.h"

#include "formats/merged_delta.h"
#include "platform/signals.h"

namespace bsr {

Plan::Plan(DeltaSource& source, uint64_t chunk_size) {
  PlanCounter counter(chunk_size);
  MergedDelta merged(source);
  for (uint64_t i = 1; const std::optional<DeltaExtent> extent = merged.next(); ++i) {
    spool_.append(counter.add(*extent));
    if (i % 4096 == 0) throw_if_stopped();
  }
  figures_ = counter.finish();
}

std::optional<DeltaExtent> Plan::Reader::next() {
  return decoder_.next([this] { return bytes_.next(); });
}

}  // namespace bsr
