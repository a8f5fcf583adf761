#include "platform/extent_spool.h"

#include "platform/signals.h"

namespace bsr {

ExtentSpool::ExtentSpool(DeltaSource& source) {
  while (const std::optional<DeltaExtent> extent = source.next()) append(*extent);
}

void ExtentSpool::append(const DeltaExtent& extent) {
  bytes_.clear();
  encoder_.append(extent, bytes_);
  spool_.append(bytes_);
  if (++extents_ % 4096 == 0) throw_if_stopped();
}

std::optional<DeltaExtent> ExtentSpool::Reader::next() {
  return decoder_.next([this] { return bytes_.next(); });
}

}  // namespace bsr
