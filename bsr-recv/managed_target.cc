#include "bsr-recv/managed_target.h"

#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "bsr-recv/content_check.h"
#include "bsr-recv/old_records.h"
#include "bsr-recv/target_names.h"
#include "formats/digest.h"
#include "platform/clock.h"
#include "platform/kill_point.h"
#include "platform/next_snapshot.h"
#include "platform/patience.h"

namespace bsr {
namespace {

std::string lock_name(const VolumeName& target) {
  return fmt::format("recv-{}-{}", target.vg, target.lv);
}

/// Bytes of the plan that are still to come; the plan counts areas of zeros as data.
uint64_t what_is_left(const BeginFrame& begin) {
  const uint64_t done = begin.resume.totals.data_bytes + begin.resume.totals.zero_bytes;
  return begin.plan_data - std::min(begin.plan_data, done);
}

/// Of a working copy.
CheckpointFile record_called(const std::string& name) {
  return {CheckpointFile::kFolder, name, CheckpointFile::Folder::ours};
}

/// What a killed session left active is not in use: it is put back before it counts as that.
TargetState first_look(const Lvm& lvm, const VolumeName& target,
                       std::vector<std::string>& useless) {
  put_back_abandoned_and_say(lvm);
  const std::vector<std::string> names = names_in(CheckpointFile::kFolder);
  const std::vector<LogicalVolume> volumes = lvm.list(target.vg);
  useless = records_of_removed(names, volumes);
  return read_target_state(volumes, target);
}

}  // namespace

ManagedTarget::ManagedTarget(VolumeName target, Naming naming, Options options)
    : target_(std::move(target)),
      options_(std::move(options)),
      lock_(kLockFolder, lock_name(target_), to_string(target_), steady_now()),
      state_(first_look(lvm_, target_, useless_)),
      left_(find_leftover(std::move(naming))),
      contents_(lvm_, target_) {}

std::vector<LogicalVolume> ManagedTarget::look() {
  std::vector<LogicalVolume> volumes = lvm_.list(target_.vg);
  state_ = read_target_state(volumes, target_);
  return volumes;
}

Leftover::Thing ManagedTarget::working_thing() const {
  const std::string identity = identity_of(*state_.working);
  return {.identity = identity, .record = record_called(record_name(identity)), .is_copy = true};
}

Leftover ManagedTarget::find_leftover(Naming naming) const {
  if (!state_.working) return {std::move(naming), Waiting{}};
  const Leftover::Thing thing = working_thing();
  const std::optional<Checkpoint> found = thing.record.read(thing.identity);
  Leftover left(std::move(naming),
                waiting_in(state_, found ? std::optional(found->begin) : std::nullopt),
                found ? found->logged : 0);
  left.is_about(thing);
  return left;
}

VolumeName ManagedTarget::pool_name() const {
  if (const Generation* newest = state_.newest()) return {target_.vg, newest->volume.pool};
  if (left_.waiting().is_half()) return {target_.vg, state_.working->pool};  // of a first transfer
  if (!options_.pool)
    fail(ErrorKind::usage,
         "{}: does not exist yet; say in which pool it shall be made: --pool {}/POOL",
         to_string(target_), target_.vg);
  return *options_.pool;
}

WorkingPlace ManagedTarget::place() const { return {lvm_, target_, pool_name(), options_.reserve}; }

void ManagedTarget::refuse_open_copy() {
  const auto is_open = [&] { return state_.working && state_.working->open; };
  while_busy([&] {
    if (!is_open()) return;
    look();
    if (is_open())
      fail(ErrorKind::busy, "{}: is in use; only bsr-recv may open it",
           to_string(state_.working->name));
  });
}

Action ManagedTarget::check(const BeginFrame& begin) {
  const Action action = action_of(
      decide(begin, left_.naming(), left_.waiting(), ManagedFacts{state_, options_.rollback}));
  if (const Generation* base = unproven(state_, begin))
    std::fputs(
        fmt::format("bsr-recv: {}: whether the source of {} stood still since it was received "
                    "cannot be proven, because {} without its state\n",
                    to_string(target_), base->volume.name.lv,
                    base->state == SourceState{} ? "it came" : "the stream comes")
            .c_str(),
        stderr);
  if (action == Action::acknowledge) return action;
  if (const Generation* base = state_.base_of(begin)) base_ = *base;
  if (is_resync(begin)) check_resync(begin);
  // They say what is wrong before anything is made: names, tags, that the pool is one, and sizes.
  check_names(state_, lvm_.list(target_.vg), begin, options_.rollback, unix_now());
  static_cast<void>(generation_tags(state_, begin));
  const Generation* newest = state_.newest();
  const bool grows = newest == nullptr || begin.volume_size > newest->size;
  check_claims(lvm_.thin_pool(pool_name()), grows ? begin.volume_size : 0, what_is_left(begin));
  refuse_open_copy();
  return action;
}

std::unique_ptr<HeldGeneration> ManagedTarget::held(const BeginFrame& begin) {
  return std::make_unique<HeldGeneration>(lvm_, *state_.find(begin.snapshot_id));
}

void ManagedTarget::forget_removed() const {
  for (const std::string& name : useless_) record_called(name).remove();
}

void ManagedTarget::drop_partial() {
  forget_removed();
  refuse_open_copy();
  if (left_.waiting().is_half()) {
    remove_working_copy(place(), *state_.working);
    left_.gone();
  } else {
    settle();
  }
}

void ManagedTarget::settle() {
  if (left_.waiting().is_half()) return;  // of a later transfer
  left_.gone();                           // a power cut may have brought a record back
  if (!state_.working || state_.applying.empty()) return;
  if (state_.working->active) lvm_.deactivate(state_.working->name);
  note_device();
  lvm_.remove_tag(state_.working->name, applying_tag(state_));
  lvm_.flush(target_.vg);
}

/// Of the newest generation: another device in its place is another generation.
void ManagedTarget::note_device() const {
  const Generation* newest = state_.newest();
  if (newest != nullptr && !newest->first_thin_id)
    lvm_.add_tag(newest->volume.name, thin_id_tag(newest->volume.thin_id.value()));
}

/// Nothing was written to it yet.
void ManagedTarget::take_back(Origin origin, const BeginFrame& begin) {
  if (origin == Origin::continued) return;
  // A resync that found no clean working copy stays known, as in discard().
  if (origin == Origin::made && is_resync(begin)) return;
  work_->active.release();
  work_.reset();
  look();
  if (origin == Origin::witnessed)
    lvm_.remove_tag(state_.working->name, applying_tag(state_));
  else
    remove_working_copy(place(), *state_.working);
  left_.gone();
}

VolumeSink& ManagedTarget::prepare(const BeginFrame& begin) {
  forget_removed();
  // A killed session may have left it active; ours ends with it inactive.
  if (state_.working && state_.working->active) lvm_.deactivate(state_.working->name);
  const WorkingPlace where = place();
  Origin origin = Origin::continued;
  if (kind_of(begin) != StreamKind::continuing) {
    if (left_.waiting().is_half()) left_.gone();
    origin = make_working_copy(where, state_, begin, options_.rollback);
    kill_point("working-copy");
    look();
    if (!state_.working)
      fail(ErrorKind::failed, "{}: was made and is not there", to_string(where.name()));
    left_.is_about(working_thing());
    left_.starts(begin);
  }
  work_.emplace(where, *state_.working);
  try {
    work_->active.refuse_external_origin();
    if (origin == Origin::made && base_) work_->active.check_made(*base_);
    check_pool_room(where.pool, state_.working->chunk_size, what_is_left(begin), options_.reserve);
    check_next_snapshot(lvm_, where.pool, lvm_.list(target_.vg), what_is_left(begin));
  } catch (const Error&) {
    take_back(origin, begin);
    throw;
  }
  work_->active.resize(begin.volume_size);
  lvm_.flush(target_.vg);  // before a record says that the working copy is there
  return work_->open.emplace(work_->active).sink();
}

/// What is not mapped reads as zeros until somebody writes there.
std::unique_ptr<DeltaSource> ManagedTarget::may_hold(const BeginFrame& begin) {
  const bool starts_empty = is_new() && begin.resume.position == 0;
  const uint64_t from = std::max(begin.base_size, begin.resume.position);
  if (!starts_empty && from < begin.volume_size)
    may_hold_ = work_->active.mapped({from, begin.volume_size - from});
  return std::make_unique<ExtentSpool::Reader>(may_hold_);
}

std::optional<ContentMap> ManagedTarget::known(const Generation& generation) const {
  return options_.reads_everything ? std::nullopt : contents_.known(generation);
}

ContentResult ManagedTarget::content(const BeginFrame& begin, GatheredLeaves* gathered,
                                     const std::function<void()>& tick) {
  std::optional<ContentMap> of_base;
  if (base_) of_base = known(*base_);
  ExtentSpool changed = work_->active.changed_since(of_base ? &*base_ : nullptr, begin.volume_size);
  ExtentSpool::Reader touched(changed);
  BorrowedReader volume(work_->open.value().file());
  draft_.emplace(contents_.draft());
  const ContentResult result =
      scan_content({.volume = volume,
                    .size = begin.volume_size,
                    .touched = touched,
                    .known = of_base ? &*of_base : nullptr,
                    .gathered = gathered,
                    .threads = default_scan_threads(),
                    .on_zeros = [&](uint64_t count) { draft_->add_zeros(count); }},
                   [&](const Digest& leaf) {
                     draft_->add(leaf);
                     tick();
                   });
  draft_->finish({begin.volume_size, result.root});
  // A repeated resync finds everything as it should be.
  adds_nothing_ = base_root_ == result.root && state_.newest()->uuid == begin.snapshot_id;
  return result;
}

ContentResult ManagedTarget::held_content(const BeginFrame& begin,
                                          const std::function<void()>& tick) {
  const Generation& generation = *state_.find(begin.snapshot_id);
  if (const auto map = known(generation)) return {map->root(), 0};
  return contents_.read(generation, [&](const Digest&) { tick(); });
}

/// The base of a resync is what the newest generation really holds.
void ManagedTarget::check_resync(const BeginFrame& begin) {
  const Digest root = contents_.read(*base_, [](const Digest&) {}).root;
  check_resync_base(to_string(target_), begin, root);
  base_root_ = root;
}

uint64_t ManagedTarget::size_of_newest() const {
  if (state_.newest() == nullptr)
    fail(ErrorKind::base, "{}: holds nothing that could be read; send a full stream first",
         to_string(target_));
  return state_.newest()->size;
}

Digest ManagedTarget::read_newest(const std::function<void(const Digest& leaf)>& on_leaf) {
  const Generation& newest = *state_.newest();
  const std::optional<ContentMap> known = contents_.known(newest);
  const Digest root = contents_.read(newest, on_leaf).root;
  if (known && known->root() != root)
    std::fputs(
        fmt::format("bsr-recv: {}: {} is damaged: its content root is {}, and was {} when it "
                    "was committed; send against this map (bsr-send --against) to repair "
                    "it\n",
                    to_string(target_), newest.volume.name.lv, to_hex(root), to_hex(known->root()))
            .c_str(),
        stderr);
  return root;
}

/// The working copy may hold what a session wrote behind its last record; the generation does not.
VolumeReader& ManagedTarget::base(const BeginFrame& /*begin*/) {
  if (!work_->base) work_->base.emplace(lvm_, base_.value());
  return work_->base->reader();
}

void ManagedTarget::close_devices() {
  work_->open.reset();
  if (work_->base) work_->base->close();
}

void ManagedTarget::close() {
  close_devices();
  work_->active.release();
  work_.reset();
}

void ManagedTarget::check_untouched(const BeginFrame& begin, const WrittenLog& log) try {
  TouchedExtents touched(log);
  mapped_ = work_->active.check_untouched(base_ ? &*base_ : nullptr, touched, begin.volume_size);
} catch (const Error& error) {
  if (error.kind() == ErrorKind::verify) discard();
  throw;
}

void ManagedTarget::discard() {
  draft_.reset();
  close();
  look();
  // That a resync was tried stays known: what it began with may be damaged.
  if (!state_.working || left_.waiting().what == Waiting::What::half_resync) return;
  remove_working_copy(place(), *state_.working);
  left_.gone();
}

/// The newest generation was found to hold what the snapshot holds, in the state that it has now.
void ManagedTarget::keep_state(const BeginFrame& begin) const {
  const Generation& newest = *state_.newest();
  if (newest.state == begin.snapshot_state) return;
  if (newest.state != SourceState{}) lvm_.remove_tag(newest.volume.name, state_tag(newest.state));
  if (begin.snapshot_state != SourceState{})
    lvm_.add_tag(newest.volume.name, state_tag(begin.snapshot_state));
}

/// The working copy stays active until LVM has made the snapshot of it (Lvm::snapshot).
void ManagedTarget::commit(const BeginFrame& begin) {
  close_devices();
  const std::vector<LogicalVolume> volumes = look();
  refuse_open_copy();
  if (adds_nothing_) {
    keep_state(begin);
  } else {
    // The commit point: before this transaction the newest generation is the old one, after it the
    // new one.
    std::vector<std::string> tags = generation_tags(state_, begin);
    tags.push_back(mapped_tag(mapped_));
    lvm_.snapshot(state_.working->name, generation_name(volumes, target_, begin.snapshot_time),
                  {.read_only = true, .activation_skip = true, .tags = std::move(tags)});
    kill_point("committed");
    look();
    note_device();
  }
  work_->active.release_unless_in_use();
  work_.reset();
  left_.gone();
  lvm_.remove_tag(state_.working->name, applying_tag(state_));
  lvm_.flush(target_.vg);
  if (!draft_ || adds_nothing_) return;
  contents_.keep(*draft_, state_.newest()->volume.uuid);
}

}  // namespace bsr
