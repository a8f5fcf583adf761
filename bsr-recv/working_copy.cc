#include "bsr-recv/working_copy.h"

#include "base/error.h"
#include "platform/clock.h"
#include "platform/frozen_mappings.h"
#include "platform/thin_device.h"

namespace bsr {
namespace {

uint64_t whole_extents(uint64_t bytes, uint64_t extent_size) {
  return (bytes + extent_size - 1) / extent_size * extent_size;
}

BlockFile open_for_writing(const LogicalVolume& volume) {
  return {volume.path, BlockFile::Access::write};
}

/// By the pool's metadata; it is inactive before and after.
bool differs(const WorkingPlace& place, const LogicalVolume& copy, const Generation& newest) {
  if (newest.volume.size != copy.size) return true;
  Activation active(place.lvm, copy);  // its pool with it
  FrozenMappings frozen(place.lvm.thin_pool(place.pool));
  const bool found = frozen.changed(newest.volume.thin_id, *copy.thin_id, copy.size, copy.size)
                         ->next()
                         .has_value();
  frozen.release();
  active.release();
  return found;
}

void keep_diverged(const WorkingPlace& place) {
  const std::string name = diverged_name(place.lvm.list(place.target.vg), place.target, unix_now());
  place.lvm.snapshot(place.name(), name,
                     {.read_only = true,
                      .activation_skip = true,
                      .tags = {target_tag(place.target), kDivergedTag}});
}

/// The working copy that stayed clean since the last commit is the witness that nobody wrote. True:
/// it is the base, and tagged.
bool use_clean_copy(const WorkingPlace& place, const TargetState& state, const BeginFrame& begin,
                    bool rollback) {
  const Generation& newest = *state.newest();
  const bool has_changed = differs(place, *state.working, newest);
  // A resync has read what it goes on from, whoever wrote to what.
  if (has_changed && !rollback && !is_resync(begin))
    fail(ErrorKind::diverged,
         "{}: {} ({}), the last state both sides have, and its working copy {} differ, so somebody "
         "wrote to one of them; compare them, then receive again with --rollback: it keeps the "
         "working copy as a snapshot and goes on from the generation",
         to_string(place.target), newest.volume.name.lv, newest.uuid, place.name().lv);
  if (has_changed) keep_diverged(place);
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
  const NewVolume how = {
      .read_only = false,
      .activation_skip = true,
      .tags = {target_tag(place.target), applying_tag(begin, state.next_number())}};
  if (const Generation* base = state.base_of(begin))
    place.lvm.snapshot(base->volume.name, place.name().lv, how);
  else
    place.lvm.create_thin(place.pool, place.name().lv, begin.volume_size, how);
  return Origin::made;
}

void remove_working_copy(const WorkingPlace& place, const LogicalVolume& volume) {
  if (volume.active) place.lvm.deactivate(volume.name);
  place.lvm.remove(volume.name);
}

ExtentSpool ActiveCopy::changed_since(const Generation* base, uint64_t size) const {
  FrozenMappings frozen(place_.lvm.thin_pool(place_.pool));
  const std::optional<uint64_t> base_id = base == nullptr ? std::nullopt : base->volume.thin_id;
  ExtentSpool changed(
      *frozen.changed(base_id, *volume_.thin_id, base == nullptr ? 0 : base->size, size));
  frozen.release();
  return changed;
}

void ActiveCopy::resize(uint64_t bytes) {
  if (bytes < volume_.size) {
    BlockFile file = open_for_writing(volume_);
    const std::optional<ThinFacts> thin = thin_facts(file.fd());
    BlockSink tail(std::move(file), thin);
    PoolGuard(tail, place_.pool, thin.value(), place_.reserve).zero({bytes, volume_.size - bytes});
    tail.flush();
  }
  const uint64_t size = whole_extents(bytes, volume_.extent_size);
  if (size != volume_.size) place_.lvm.resize(volume_.name, size);
}

OpenCopy::OpenCopy(const ActiveCopy& copy) : OpenCopy(open_for_writing(copy.volume()), copy) {}

OpenCopy::OpenCopy(BlockFile file, const ActiveCopy& copy)
    : thin_(thin_facts(file.fd()).value()),
      device_(std::move(file), thin_),
      written_(device_.file()),
      guard_(device_, copy.place().pool, thin_, copy.place().reserve) {}

}  // namespace bsr
