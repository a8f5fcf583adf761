#include "formats/stream_merge.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "formats/merged_delta.h"

namespace bsr {
namespace {

/// Changes in the words of a plan.
class ChangeExtents final : public DeltaSource {
 public:
  explicit ChangeExtents(ChangeSource& changes) : changes_(changes) {}
  std::optional<DeltaExtent> next() override {
    const std::optional<Change> change = changes_.next();
    if (!change) return std::nullopt;
    const bool unmap = change->kind == ChangeKind::unmap;
    return DeltaExtent{change->extent, unmap ? DeltaKind::unmap : DeltaKind::data};
  }

 private:
  ChangeSource& changes_;
};

}  // namespace

void check_is_whole(const BeginFrame& begin) {
  if (begin.resume.position != 0)
    fail(ErrorKind::usage,
         "is only the rest of a transfer, from byte {} of the volume on; give a stream that begins "
         "at its start",
         begin.resume.position);
}

BeginFrame merged_begin(const BeginFrame& older, const BeginFrame& newer) {
  if (newer.is_full())
    fail(ErrorKind::base, "is a full stream and replaces all that came before; use it alone");
  if (newer.base_id != older.snapshot_id || newer.base_size != older.volume_size)
    fail(ErrorKind::base,
         "applies to snapshot {} of {} bytes, but the stream before it leads to {} of {} bytes; {}",
         newer.base_id, newer.base_size, older.snapshot_id, older.volume_size,
         newer.snapshot_id == older.base_id
             ? "give them in the other order, the oldest first"
             : "give streams that follow each other, the oldest first");
  if (newer.base_state != older.snapshot_state && newer.base_state != SourceState{} &&
      older.snapshot_state != SourceState{})
    fail(ErrorKind::base,
         "applies to snapshot {} as it was later than in the stream before it, which was written "
         "to, trimmed, merged or replaced between the two; send both anew",
         newer.base_id);
  BeginFrame begin = newer;
  if (older.has_states() || newer.has_states())
    begin.set_states(newer.snapshot_state, older.base_state);
  begin.base_id = older.base_id;
  begin.base_size = older.base_size;
  begin.plan_data = 0;
  begin.plan_unmap = 0;
  begin.plan_extents = 0;
  begin.plan_hash = {};
  return begin;
}

StreamMerge::StreamMerge(const BeginFrame& older_begin, ChangeSource& older,
                         const BeginFrame& newer_begin, ChangeSource& newer)
    : begin_(merged_begin(older_begin, newer_begin)),
      older_(older),
      cut_off_(clip({0, std::min(begin_.base_size, begin_.volume_size)}, older_begin.volume_size,
                    UINT64_MAX)),
      both_([this] { return next_older(); }, [&newer] { return newer.next(); }) {}

std::optional<Change> StreamMerge::next_older() {
  while (std::optional<Change> change = older_.next())
    if (const auto part = clip(change->extent, 0, begin_.volume_size))
      return part_of(*change, *part);
  // Behind all that the older stream can name. To a reader of the merged stream what it does not
  // name is as in the base here; the truth is the zeros that a volume has where it grew.
  if (const auto extent = std::exchange(cut_off_, std::nullopt))
    return Change{ChangeKind::unmap, *extent, {}};
  return std::nullopt;
}

std::optional<Change> StreamMerge::next() {
  std::optional<Change> change = both_.next();
  // A full stream says so of all that it does not name.
  while (change && change->kind == ChangeKind::unmap && begin_.is_full()) change = both_.next();
  return change;
}

PlanFigures plan_of(ChangeSource& changes, uint64_t chunk_size) {
  ChangeExtents extents(changes);
  MergedDelta merged(extents);
  PlanCounter counter(chunk_size);
  while (const std::optional<DeltaExtent> extent = merged.next()) counter.add(*extent);
  return counter.finish();
}

}  // namespace bsr
