#include "formats/stream_merge.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "formats/merged_delta.h"

namespace bsr {
namespace {

void drop_front(Change& change, uint64_t length) {
  change.extent = {change.extent.offset + length, change.extent.length - length};
  if (change.kind == ChangeKind::data) change.content = change.content.subspan(length);
}

Change front(const Change& change, uint64_t length) {
  Change part = change;
  part.extent.length = length;
  if (part.kind == ChangeKind::data) part.content = part.content.first(length);
  return part;
}

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
  BeginFrame begin = newer;
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
      newer_(newer),
      cut_off_(clip({0, std::min(begin_.base_size, begin_.volume_size)}, older_begin.volume_size,
                    UINT64_MAX)) {}

std::optional<Change> StreamMerge::next_older() {
  while (std::optional<Change> change = older_.next())
    if (const auto part = clip(change->extent, 0, begin_.volume_size))
      return front(*change, part->length);
  // Behind all that the older stream can name. To a reader of the merged stream what it does not
  // name is as in the base here; the truth is the zeros that a volume has where it grew.
  if (const auto extent = std::exchange(cut_off_, std::nullopt))
    return Change{ChangeKind::unmap, *extent, {}};
  return std::nullopt;
}

void StreamMerge::skip_covered() {
  while (older_ahead_ && older_ahead_->extent.end() <= covered_) older_ahead_ = next_older();
  if (older_ahead_ && older_ahead_->extent.offset < covered_)
    drop_front(*older_ahead_, covered_ - older_ahead_->extent.offset);
}

std::optional<Change> StreamMerge::take_older(uint64_t end) {
  if (older_ahead_->extent.end() <= end) return std::exchange(older_ahead_, std::nullopt);
  const uint64_t length = end - older_ahead_->extent.offset;
  const Change part = front(*older_ahead_, length);
  drop_front(*older_ahead_, length);
  return part;
}

std::optional<Change> StreamMerge::take_newer() {
  if (newer_ahead_) covered_ = newer_ahead_->extent.end();
  return std::exchange(newer_ahead_, std::nullopt);
}

std::optional<Change> StreamMerge::next() {
  for (;;) {
    if (!older_ahead_) older_ahead_ = next_older();
    skip_covered();  // first: what `newer` asks of `older` for a patch need not reach back then
    if (!newer_ahead_) newer_ahead_ = newer_.next();
    const uint64_t newer_begins = newer_ahead_ ? newer_ahead_->extent.offset : UINT64_MAX;
    const bool older_first = older_ahead_ && older_ahead_->extent.offset < newer_begins;
    const std::optional<Change> change = older_first ? take_older(newer_begins) : take_newer();
    // A full stream says so of all that it does not name.
    if (change && change->kind == ChangeKind::unmap && begin_.is_full()) continue;
    return change;
  }
}

PlanFigures plan_of(ChangeSource& changes, uint64_t chunk_size) {
  ChangeExtents extents(changes);
  MergedDelta merged(extents);
  PlanCounter counter(chunk_size);
  while (const std::optional<DeltaExtent> extent = merged.next()) counter.add(*extent);
  return counter.finish();
}

}  // namespace bsr
