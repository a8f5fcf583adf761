#include "bsr-recv/applier.h"

#include "base/error.h"
#include "base/overload.h"
#include "formats/digest.h"
#include "formats/patch.h"
#include "platform/patch_base.h"

namespace bsr {

/// Of the extent what lies behind the base's end.
void Applier::zero_without_base(Extent extent) {
  const std::optional<Extent> area = clip(extent, begin_.base_size, UINT64_MAX);
  if (!area) return;
  if (!held_) return sink_.zero(*area);
  held_->parts_of(*area, [this](Extent part) { sink_.zero(part); });
}

void Applier::zero_gap_before(uint64_t offset) { zero_without_base({cursor_, offset - cursor_}); }

void Applier::zero(Extent extent) {
  zero_gap_before(extent.offset);
  if (const auto area = clip(extent, 0, begin_.base_size)) sink_.zero(*area);
  zero_without_base(extent);
  cursor_ = extent.end();
}

/// A session that continues here does not look back.
void Applier::pass(uint64_t offset) {
  if (offset <= cursor_) return;
  zero_gap_before(offset);
  cursor_ = offset;
}

/// Gaps come behind the frame that they lie in (written_log.h).
void Applier::write(const std::vector<Extent>& extents, AlignedBytes content) {
  sink_.write(extents, std::move(content));
  for (const Extent& extent : extents) {
    zero_gap_before(extent.offset);
    cursor_ = extent.end();
  }
}

void Applier::check_held(const HoldsFrame& holds) const {
  AlignedBytes here(total_length(holds.extents));
  read_extents(volumes_.written(), holds.extents, here);
  if (content_hash(stream::FrameType::holds, holds.extents, here) == holds.content) return;
  fail(ErrorKind::diverged,
       "between bytes {} and {} snapshot {} no longer holds what was sent of it before this "
       "transfer "
       "was interrupted: it was written to since",
       holds.extents.front().offset, holds.extents.back().end(), begin_.snapshot_id);
}

AlignedBytes Applier::base_of(const PatchFrame& patch) const {
  const uint64_t begin = patch.extents.front().offset;
  if (!patch.references.empty() && patch.references.front().offset < begin) sink_.wait();
  return read_patch_base({volumes_.written(), volumes_.base()}, begin, patch.references,
                         patch.extents);
}

AlignedBytes Applier::patched(const PatchFrame& patch) const {
  const AlignedBytes base = base_of(patch);
  if (!applies_to(patch, base))
    fail(ErrorKind::verify,
         "between bytes {} and {}{} the base here is not what the stream was made against: it is "
         "damaged, or was written to; compare both sides (bsr-stream digest), send against what is "
         "here (bsr-recv --digests, bsr-send --against), or send whole areas (bsr-send --patch "
         "never)",
         patch.extents.front().offset, patch.extents.back().end(),
         patch.references.empty() ? "" : ", or where that refers to,");
  return apply_patch(patch, base);
}

void Applier::apply(FrameBody&& body) {
  std::visit(Overload{
                 [&](const HoldsFrame& holds) { check_held(holds); },
                 [&](DataFrame& data) { write(data.extents, std::move(data.content)); },
                 [&](const PatchFrame& patch) { write(patch.extents, patched(patch)); },
                 [&](const ZeroFrame& frame) {
                   for (const Extent& extent : frame.extents) zero(extent);
                 },
                 [&](const UnmapFrame& frame) {
                   for (const Extent& extent : frame.extents) zero(extent);
                 },
                 [&](const CheckpointFrame& checkpoint) { pass(checkpoint.position); },
                 [](const BeginFrame&) {},
                 [](const ContentFrame&) {},
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
