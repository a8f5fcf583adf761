#include "formats/plan_limits.h"

#include <algorithm>

#include "base/error.h"
#include "base/overload.h"
#include "base/sector.h"

namespace bsr {

void PlanLimits::begin(const BeginFrame& begin) {
  if (begin.plan_data > begin.volume_size || begin.plan_unmap > begin.volume_size - begin.plan_data)
    fail(ErrorKind::corrupt,
         "the plan has {} bytes of data and {} unmapped, and the volume {} bytes", begin.plan_data,
         begin.plan_unmap, begin.volume_size);
  if (begin.plan_extents > (begin.plan_data + begin.plan_unmap) / kSectorSize)
    fail(ErrorKind::corrupt, "the plan has {} extents in {} bytes", begin.plan_extents,
         begin.plan_data + begin.plan_unmap);
  content_left_ = begin.plan_data;
  unmap_left_ = begin.plan_unmap;
  const Totals& done = begin.resume.totals;
  content(done.data_bytes);
  content(done.zero_bytes);
  unmap(done.unmap_bytes);
}

void PlanLimits::content(uint64_t bytes) {
  if (bytes > content_left_)
    fail(ErrorKind::corrupt, "more data comes than the plan of the stream has: {} bytes and more",
         bytes - content_left_);
  content_left_ -= bytes;
}

void PlanLimits::unmap(uint64_t bytes) {
  if (bytes > unmap_left_)
    fail(ErrorKind::corrupt, "more is unmapped than the plan of the stream has: {} bytes and more",
         bytes - unmap_left_);
  unmap_left_ -= bytes;
}

void PlanLimits::check_body(const FrameBody& body) {
  std::visit(Overload{
                 [&](const BeginFrame& frame) { begin(frame); },
                 [&](const DataFrame& data) { content(data.content.size()); },
                 [&](const PatchFrame& patch) { content(total_length(patch.extents)); },
                 [&](const ZeroFrame& zero) { content(total_length(zero.extents)); },
                 [&](const UnmapFrame& frame) { unmap(total_length(frame.extents)); },
                 [](const HoldsFrame&) {},
                 [](const CheckpointFrame&) {},
                 [](const EndFrame&) {},
                 [](const ContentFrame&) {},
                 [](const UnknownFrame&) {},
             },
             body);
}

void PlanLimits::check(const Frame& frame) try { check_body(frame.body); } catch (Error& error) {
  error.while_doing(fmt::format("stream at byte {}", frame.position));
  throw;
}

}  // namespace bsr
