#include "bsr-send/plan.h"

#include "formats/digest.h"
#include "formats/merged_delta.h"
#include "platform/signals.h"

namespace bsr {

Plan::Plan(DeltaSource& source, uint64_t chunk_size) {
  ExtentEncoder encoder;
  Sha256 sha;
  Bytes bytes;
  append_le(bytes, chunk_size);
  sha.update(bytes);
  MergedDelta merged(source);
  while (const std::optional<DeltaExtent> extent = merged.next()) {
    bytes.clear();
    encoder.append(*extent, bytes);
    sha.update(bytes);
    spool_.append(bytes);
    ++extents_;
    (extent->kind == DeltaKind::data ? data_bytes_ : unmap_bytes_) += extent->extent.length;
    if (extents_ % 4096 == 0) throw_if_stopped();
  }
  hash_ = sha.finish();
}

std::optional<DeltaExtent> Plan::Reader::next() {
  return decoder_.next([this] { return bytes_.next(); });
}

}  // namespace bsr
