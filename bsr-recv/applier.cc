#include "bsr-recv/applier.h"

#include "base/overload.h"

namespace bsr {

void Applier::zero_gap_before(uint64_t offset) {
  if (starts_empty_) return;
  const uint64_t without_base = begin_.is_full() ? 0 : begin_.base_size;
  const std::optional<Extent> gap = clip({cursor_, offset - cursor_}, without_base, UINT64_MAX);
  if (gap) sink_.zero(*gap);
}

void Applier::zero(Extent extent) {
  zero_gap_before(extent.offset);
  if (!starts_empty_) sink_.zero(extent);
  cursor_ = extent.end();
}

void Applier::apply(const FrameBody& body) {
  std::visit(Overload{
                 [&](const DataFrame& data) {
                   ByteView content = data.content;
                   for (const Extent& extent : data.extents) {
                     zero_gap_before(extent.offset);
                     sink_.write(extent.offset, content.first(extent.length));
                     content = content.subspan(extent.length);
                     cursor_ = extent.end();
                     applied_bytes_ += extent.length;
                   }
                 },
                 [&](const ZeroFrame& frame) {
                   for (const Extent& extent : frame.extents) zero(extent);
                 },
                 [&](const UnmapFrame& frame) {
                   for (const Extent& extent : frame.extents) zero(extent);
                 },
                 [](const CheckpointFrame&) {},
                 [](const BeginFrame&) {},
                 [](const EndFrame&) {},
                 [](const UnknownFrame&) {},
             },
             body);
}

void Applier::finish() {
  zero_gap_before(begin_.volume_size);
  sink_.flush();
}

}  // namespace bsr
