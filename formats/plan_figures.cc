#include "formats/plan_figures.h"

namespace bsr {

PlanCounter::PlanCounter(uint64_t chunk_size) {
  append_le(bytes_, chunk_size);
  sha_.update(bytes_);
}

ByteView PlanCounter::add(const DeltaExtent& extent) {
  bytes_.clear();
  encoder_.append(extent, bytes_);
  sha_.update(bytes_);
  ++figures_.extents;
  (extent.kind == DeltaKind::data ? figures_.data_bytes : figures_.unmap_bytes) +=
      extent.extent.length;
  return bytes_;
}

PlanFigures PlanCounter::finish() {
  figures_.hash = sha_.finish();
  return figures_;
}

}  // namespace bsr
