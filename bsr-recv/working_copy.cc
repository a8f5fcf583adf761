#include "bsr-recv/working_copy.h"

#include <cstdio>

#include "base/error.h"
#include "formats/delta_filters.h"
#include "formats/standing.h"
#include "formats/thin_tree_delta.h"
#include "formats/untouched.h"
#include "platform/clock.h"
#include "platform/frozen_mappings.h"
#include "platform/next_snapshot.h"
#include "platform/thin_device.h"

namespace bsr {
namespace {

uint64_t whole_extents(uint64_t bytes, uint64_t extent_size) {
  return (bytes + extent_size - 1) / extent_size * extent_size;
}

BlockFile open_for_writing(const LogicalVolume& volume) {
  return {volume.path, BlockFile::Access::write};
}

/// Asks the pool's metadata while a volume of it, which is inactive before and after, makes it
/// active.
template <typename Ask>
auto ask_pool(const WorkingPlace& place, const LogicalVolume& volume, const Ask& ask) {
  Activation active(place.lvm, volume);
  // The pool goes with its last volume, and LVM could not put back metadata that is open.
  const auto answer = [&] {
    FrozenMappings frozen(place.lvm.thin_pool(place.pool));
    auto found = ask(frozen.metadata());
    frozen.release();
    return found;
  }();
  active.release_unless_in_use();
  return answer;
}

Moved what_moved(const WorkingPlace& place, const LogicalVolume& copy, const Generation& newest) {
  const bool resized = newest.volume.size != copy.size;
  return ask_pool(place, copy, [&](const ThinMetadata& now) {
    if (!resized) return what_moved(now, newest.kept(), *copy.thin_id);
    return stands(now, newest.kept()) ? Moved::copy : Moved::snapshot;
  });
}

[[noreturn]] void fail_not_standing(const WorkingPlace& place, const Generation& generation) {
  fail(ErrorKind::diverged,
       "{}: {} ({}) is not what was committed: it was written to, trimmed, or something else was "
       "put in its place, so nothing can go on from it; send against what is here: bsr-recv "
       "--digests {} > MAP here, then bsr-send --against MAP SNAPSHOT there",
       to_string(place.target), generation.volume.name.lv, generation.uuid,
       to_string(place.target));
}

bool maps_nothing(const ThinMetadata& metadata, uint64_t thin_id) {
  const std::optional<ThinDevice> device = metadata.device(thin_id);
  if (!device)
    fail(ErrorKind::failed, "the pool has no thin device {}, though LVM made one", thin_id);
  return device->mapped_blocks == 0;
}

/// LVM gives out numbers of thin devices, and takes one that the pool has already for the one that
/// it wanted to make. What such a device holds may be somebody's: it gets a name of its own.
void create_empty(const WorkingPlace& place, uint64_t bytes, const NewVolume& how) {
  constexpr int kMostFound = 16;
  for (int found = 0; found < kMostFound; ++found) {
    place.lvm.create_thin(place.pool, place.name().lv, bytes, how);
    const std::optional<LogicalVolume> made = place.lvm.find(place.name());
    if (!made) fail(ErrorKind::failed, "{}: was made and is not there", to_string(place.name()));
    if (ask_pool(place, *made,
                 [&](const ThinMetadata& now) { return maps_nothing(now, *made->thin_id); }))
      return;
    const std::string name =
        free_name(place.lvm.list(place.target.vg),
                  fmt::format("{}.bsr-found-{}", place.target.lv, *made->thin_id));
    for (const std::string& tag : how.tags) place.lvm.remove_tag(place.name(), tag);
    place.lvm.rename(place.name(), name);
    std::fputs(fmt::format("bsr-recv: {}: the pool had a thin device {} that LVM did not know, and "
                           "gave it out as new; it is {}/{} now: look at it, then keep or remove "
                           "it\n",
                           to_string(place.target), *made->thin_id, place.target.vg, name)
                   .c_str(),
               stderr);
  }
  fail(ErrorKind::failed,
       "{}: pool {} has too many thin devices that LVM does not know; see `thin_dump` and "
       "lvmthin(7)",
       to_string(place.target), to_string(place.pool));
}

/// Of a volume that is inactive before and after; LVM is asked only when it will not refuse.
void make_snapshot(const WorkingPlace& place, const LogicalVolume& origin, const std::string& name,
                   const NewVolume& how) {
  Activation active(place.lvm, origin);
  check_next_snapshot(place.lvm, place.pool, place.lvm.list(place.target.vg), 0);
  place.lvm.snapshot(origin.name, name, how);
  active.release_unless_in_use();
}

void keep_diverged(const WorkingPlace& place, const LogicalVolume& copy) {
  const std::string name = diverged_name(place.lvm.list(place.target.vg), place.target, unix_now());
  make_snapshot(place, copy, name,
                {.read_only = true,
                 .activation_skip = true,
                 .tags = {target_tag(place.target), kDivergedTag}});
}

/// The working copy that stayed clean since the last commit is the witness that nobody wrote. True:
/// it is the base, and tagged.
bool use_clean_copy(const WorkingPlace& place, const TargetState& state, const BeginFrame& begin,
                    bool rollback) {
  const Generation& newest = *state.newest();
  const Moved moved = what_moved(place, *state.working, newest);
  const bool has_changed = moved != Moved::nothing;
  // A resync has read what it goes on from, whoever wrote to what.
  if (moved == Moved::snapshot && !is_resync(begin)) fail_not_standing(place, newest);
  if (has_changed && !rollback && !is_resync(begin))
    fail(ErrorKind::diverged,
         "{}: somebody wrote to the working copy {}; {} ({}), the last state both sides have, is "
         "what was committed. Receive again with --rollback: it keeps the working copy as a "
         "snapshot and goes on from the generation",
         to_string(place.target), place.name().lv, newest.volume.name.lv, newest.uuid);
  if (has_changed) keep_diverged(place, *state.working);
  if (has_changed || state.base_of(begin) != &newest) {
    remove_working_copy(place, *state.working);
    return false;
  }
  if (!state.applying.empty()) place.lvm.remove_tag(place.name(), applying_tag(state));
  place.lvm.add_tag(place.name(), applying_tag(begin, state.next_number()));
  return true;
}

}  // namespace

Origin make_working_copy(const WorkingPlace& place, const TargetState& state,
                         const BeginFrame& begin, bool rollback) {
  if (state.working) {
    // Half of an older session, or of a row that is gone.
    if (waiting_in(state, {}).is_half() || state.newest() == nullptr)
      remove_working_copy(place, *state.working);
    else if (use_clean_copy(place, state, begin, rollback))
      return Origin::witnessed;
  }
  const Generation* base = state.base_of(begin);
  if (base != nullptr && !is_resync(begin)) require_standing(place, *base);
  const NewVolume how = {
      .read_only = false,
      .activation_skip = true,
      .tags = {target_tag(place.target), applying_tag(begin, state.next_number())}};
  if (base != nullptr)
    make_snapshot(place, base->volume, place.name().lv, how);
  else
    create_empty(place, begin.volume_size, how);
  return Origin::made;
}

void require_standing(const WorkingPlace& place, const Generation& generation) {
  if (!ask_pool(place, generation.volume,
                [&](const ThinMetadata& now) { return stands(now, generation.kept()); }))
    fail_not_standing(place, generation);
}

void remove_working_copy(const WorkingPlace& place, const LogicalVolume& volume) {
  if (volume.active) place.lvm.deactivate(volume.name);
  place.lvm.remove(volume.name);
}

ActiveCopy::ActiveCopy(WorkingPlace place, LogicalVolume volume)
    : place_(std::move(place)),
      volume_(std::move(volume)),
      activation_(place_.lvm, volume_),
      thin_(thin_facts(BlockFile(volume_.path, BlockFile::Access::shared_read).fd()).value()) {}

void ActiveCopy::refuse_external_origin() const {
  if (thin_.has_external_origin)
    fail(ErrorKind::diverged,
         "{}: {} was put there by somebody else: it shows what another volume holds (an external "
         "origin); rename or remove it, and receive again",
         to_string(place_.target), volume_.name.lv);
}

ExtentSpool ActiveCopy::mapped(Extent area) const {
  FrozenMappings frozen(place_.lvm.thin_pool(place_.pool));
  ClippedDelta all(
      full_tree_delta(frozen.metadata(), volume_.thin_id.value(), area.offset, area.end()),
      area.offset, area.end());
  ExtentSpool mapped(all);
  frozen.release();
  return mapped;
}

ExtentSpool ActiveCopy::changed_since(const Generation* base, uint64_t size) const {
  FrozenMappings frozen(place_.lvm.thin_pool(place_.pool));
  const std::optional<uint64_t> base_id = base == nullptr ? std::nullopt : base->volume.thin_id;
  ExtentSpool changed(
      *frozen.changed(base_id, *volume_.thin_id, base == nullptr ? 0 : base->size, size));
  frozen.release();
  return changed;
}

void ActiveCopy::check_made(const Generation& base) const {
  FrozenMappings frozen(place_.lvm.thin_pool(place_.pool));
  const bool differs = tree_delta(frozen.metadata(), base.volume.thin_id.value(),
                                  volume_.thin_id.value(), 0, UINT64_MAX)
                           ->next()
                           .has_value();
  frozen.release();
  if (differs)
    fail(ErrorKind::verify,
         "{}: LVM made it and the pool did not: it does not hold what {} holds; see the kernel "
         "log, and lvmthin(7) for a pool whose transaction id is not LVM's",
         to_string(volume_.name), base.volume.name.lv);
}

uint64_t ActiveCopy::check_untouched(const Generation* base, DeltaSource& touched,
                                     uint64_t size) const {
  FrozenMappings frozen(place_.lvm.thin_pool(place_.pool));
  const ThinMetadata& now = frozen.metadata();
  const uint64_t thin_id = volume_.thin_id.value();
  // What lay behind a smaller end was zeroed before the stream came.
  const bool was_cut = base != nullptr && base->volume.size > size;
  ClippedDelta changed(base == nullptr
                           ? full_tree_delta(now, thin_id, 0, UINT64_MAX)
                           : tree_delta(now, base->volume.thin_id.value(), thin_id, 0, UINT64_MAX),
                       0, was_cut ? size / now.chunk_size() * now.chunk_size() : UINT64_MAX);
  const std::optional<Extent> found = first_untouched(changed, touched, now.chunk_size());
  const std::optional<ThinDevice> device = now.device(thin_id);
  frozen.release();
  if (found)
    fail(ErrorKind::verify,
         "{}: between bytes {} and {} it is not what it was when this transfer began, and the "
         "stream did not write there: somebody else did",
         to_string(volume_.name), found->offset, found->end());
  return device.value().mapped_blocks;
}

void ActiveCopy::clear_behind(uint64_t bytes, uint64_t new_size) const {
  ExtentSpool mapped = this->mapped({bytes, volume_.size - bytes});
  BlockSink tail(open_for_writing(volume_), thin_);
  PoolGuard guard(tail, place_.pool, thin_, place_.reserve);
  ExtentSpool::Reader parts(mapped);
  while (const std::optional<DeltaExtent> part = parts.next()) {
    if (const auto stays = clip(part->extent, bytes, new_size)) guard.zero(*stays);
    if (const auto goes = clip(part->extent, new_size, volume_.size)) tail.free(*goes);
  }
  tail.flush();
}

void ActiveCopy::resize(uint64_t bytes) {
  const uint64_t size = whole_extents(bytes, volume_.extent_size);
  if (bytes < volume_.size) clear_behind(bytes, size);
  if (size != volume_.size) place_.lvm.resize(volume_.name, size);
}

OpenCopy::OpenCopy(const ActiveCopy& copy)
    : device_(open_for_writing(copy.volume()), copy.thin()),
      written_(device_.file()),
      guard_(device_, copy.place().pool, copy.thin(), copy.place().reserve) {}

}  // namespace bsr
