#include "bsr-recv/managed_target.h"

#include <algorithm>
#include <cstdio>

#include "base/error.h"
#include "bsr-recv/content_check.h"
#include "formats/content_tree.h"
#include "formats/delta.h"
#include "formats/digest.h"
#include "platform/clock.h"
#include "platform/delta_engine.h"
#include "platform/kill_point.h"
#include "platform/thin_device.h"
#include "platform/thin_pool.h"

namespace bsr {
namespace {

std::string lock_name(const VolumeName& target) {
  return fmt::format("recv-{}-{}", target.vg, target.lv);
}

/// With a character that no name can hold, so that no two targets share one.
std::string record_name(const VolumeName& target) {
  return fmt::format("recv:{}:{}", target.vg, target.lv);
}

/// Bytes of the plan that are still to come; the plan counts areas of zeros as data.
uint64_t what_is_left(const BeginFrame& begin) {
  const uint64_t done = begin.resume.totals.data_bytes + begin.resume.totals.zero_bytes;
  return begin.plan_data - std::min(begin.plan_data, done);
}

uint64_t whole_extents(uint64_t bytes, uint64_t extent_size) {
  return (bytes + extent_size - 1) / extent_size * extent_size;
}

}  // namespace

ManagedTarget::ManagedTarget(VolumeName target, Options options)
    : target_(std::move(target)),
      options_(std::move(options)),
      lock_(kLockFolder, lock_name(target_), to_string(target_), steady_now()),
      checkpoint_(CheckpointFile::kFolder, record_name(target_), CheckpointFile::Folder::ours) {
  look();
}

std::vector<LogicalVolume> ManagedTarget::look() {
  std::vector<LogicalVolume> volumes = lvm_.list(target_.vg);
  state_ = read_target_state(volumes, target_);
  return volumes;
}

VolumeName ManagedTarget::pool_name() const {
  if (const Generation* newest = state_.newest()) return {target_.vg, newest->volume.pool};
  if (state_.is_half()) return {target_.vg, state_.working->pool};  // of a first transfer
  if (!options_.pool)
    fail(ErrorKind::usage,
         "{}: does not exist yet; say in which pool it shall be made: --pool {}/POOL",
         to_string(target_), target_.vg);
  return *options_.pool;
}

/// A generation may be damaged, so one that is resynchronized is not held.
bool ManagedTarget::holds(const BeginFrame& begin) const {
  return !is_resync(begin) && state_.find(begin.snapshot_id) != nullptr;
}

std::optional<BeginFrame> ManagedTarget::partial() const {
  if (!state_.is_half()) return std::nullopt;
  std::optional<Checkpoint> checkpoint = checkpoint_.read(state_.working->uuid);
  if (!checkpoint || checkpoint->begin.snapshot_id != state_.applying) return std::nullopt;
  return std::move(checkpoint->begin);
}

void ManagedTarget::check(const BeginFrame& begin) {
  check_lineage(state_, begin, options_.rollback);
  if (holds(begin)) return;
  if (is_resync(begin)) check_resync(begin);
  // They say what is wrong before anything is made: names, tags, that the pool is one, and sizes.
  static_cast<void>(generation_tags(state_, begin));
  const Generation* newest = state_.newest();
  const bool grows = newest == nullptr || begin.volume_size > newest->size;
  check_claims(lvm_.thin_pool(pool_name()), grows ? begin.volume_size : 0, what_is_left(begin));
  if (state_.working && state_.working->open)
    fail(ErrorKind::busy, "{}: is in use; only bsr-recv may open it",
         to_string(state_.working->name));
}

bool ManagedTarget::working_copy_differs() const {
  const Generation& newest = *state_.newest();
  if (newest.volume.size != state_.working->size) return true;
  const Activation active(lvm_, *state_.working);  // its pool with it
  MetadataSnapshot frozen(lvm_.thin_pool(pool_name()));
  const uint64_t size = newest.volume.size;
  const std::unique_ptr<DeltaSource> delta =
      open_delta(DeltaEngine::native, {metadata_path(pool_name()), true}, newest.volume.thin_id,
                 *state_.working->thin_id, newest.volume.chunk_size, size, size);
  const bool differs = delta->next().has_value();
  frozen.release();
  return differs;
}

void ManagedTarget::keep_diverged() {
  const std::string name = free_name(
      lvm_.list(target_.vg), fmt::format("{}.bsr-diverged-{}", target_.lv, utc_stamp(unix_now())));
  lvm_.snapshot(
      state_.working->name, name,
      {.read_only = true, .activation_skip = true, .tags = {target_tag(target_), kDivergedTag}});
}

void ManagedTarget::remove_working_copy() {
  if (state_.working->active) lvm_.deactivate(state_.working->name);
  lvm_.remove(state_.working->name);
  state_.working.reset();
}

void ManagedTarget::drop_partial() {
  if (state_.working && state_.working->open)
    fail(ErrorKind::busy, "{}: is in use; only bsr-recv may open it",
         to_string(state_.working->name));
  if (state_.is_half()) remove_working_copy();
  checkpoint_.remove();
}

/// The working copy that stayed clean since the last commit is the witness that nobody wrote.
void ManagedTarget::use_clean_working_copy(const BeginFrame& begin) {
  const VolumeName name = working_copy_name(target_);
  const Generation& newest = *state_.newest();
  const bool differs = working_copy_differs();
  // A resync has read what it goes on from, whoever wrote to what.
  if (differs && !options_.rollback && !is_resync(begin))
    fail(ErrorKind::diverged,
         "{}: {} ({}), the last state both sides have, and its working copy {} differ, so somebody "
         "wrote to one of them; compare them, then receive again with --rollback: it keeps the "
         "working copy as a snapshot and goes on from the generation",
         to_string(target_), newest.volume.name.lv, newest.uuid, name.lv);
  if (differs) keep_diverged();
  if (differs || state_.base_of(begin) != &newest) {
    remove_working_copy();
    return;
  }
  if (!state_.applying.empty()) lvm_.remove_tag(name, applying_tag(state_.applying));
  lvm_.add_tag(name, applying_tag(applying_name(begin)));
}

void ManagedTarget::make_working_copy(const BeginFrame& begin) {
  const VolumeName name = working_copy_name(target_);
  checkpoint_.remove();
  // Half of an older session, or of a row that is gone.
  if (state_.working && (state_.is_half() || state_.newest() == nullptr)) remove_working_copy();
  if (state_.working) use_clean_working_copy(begin);
  if (state_.working) return;

  const NewVolume how = {.read_only = false,
                         .activation_skip = true,
                         .tags = {target_tag(target_), applying_tag(applying_name(begin))}};
  if (const Generation* base = state_.base_of(begin))
    lvm_.snapshot(base->volume.name, name.lv, how);
  else
    lvm_.create_thin(pool_name(), name.lv, begin.volume_size, how);
}

void ManagedTarget::resize_working_copy(uint64_t bytes) {
  const uint64_t old_size = state_.working->size;
  if (bytes <
      old_size) {  // what lies behind the new end would come back when the volume grows again
    BlockFile file(state_.working->path, BlockFile::Access::write);
    const std::optional<ThinFacts> thin = thin_facts(file.fd());
    BlockSink tail(std::move(file), thin);
    PoolGuard(tail, pool_name(), thin.value(), options_.reserve).zero({bytes, old_size - bytes});
    tail.flush();
  }
  const uint64_t size = whole_extents(bytes, state_.working->extent_size);
  if (size != old_size) lvm_.resize(state_.working->name, size);
}

void ManagedTarget::leave_no_trace(bool was_clean, const BeginFrame& begin) {
  activation_->release();
  look();
  if (was_clean)
    lvm_.remove_tag(state_.working->name, applying_tag(applying_name(begin)));
  else
    remove_working_copy();
}

VolumeSink& ManagedTarget::prepare(const BeginFrame& begin) {
  // A killed session may have left it active; ours ends with it inactive.
  if (state_.working && state_.working->active) lvm_.deactivate(state_.working->name);
  if (begin.resume.position == 0) make_working_copy(begin);
  const bool was_clean = state_.working.has_value();
  kill_point("working-copy");
  look();
  if (!state_.working)
    fail(ErrorKind::failed, "{}: was made and is not there", to_string(working_copy_name(target_)));
  activation_.emplace(lvm_, *state_.working);
  try {
    check_pool_room(pool_name(), state_.working->chunk_size, what_is_left(begin), options_.reserve);
  } catch (const Error&) {
    // A resync that found no clean working copy stays known, as in discard().
    if (begin.resume.position == 0 && (was_clean || !is_resync(begin)))
      leave_no_trace(was_clean, begin);
    throw;
  }
  resize_working_copy(begin.volume_size);
  lvm_.flush(target_.vg);  // before a record says that the working copy is there
  BlockFile file(state_.working->path, BlockFile::Access::write);
  const std::optional<ThinFacts> thin = thin_facts(file.fd());
  device_.emplace(std::move(file), thin);
  sink_.emplace(*device_, pool_name(), thin.value(), options_.reserve);
  return *sink_;
}

void ManagedTarget::record(const BeginFrame& begin) {
  checkpoint_.write({state_.working->uuid, begin});
}

void ManagedTarget::settle() {
  if (state_.is_half()) return;  // of a later transfer
  checkpoint_.remove();          // a power cut may have brought it back
  if (!state_.working || state_.applying.empty()) return;
  if (state_.working->active) lvm_.deactivate(state_.working->name);
  lvm_.remove_tag(state_.working->name, applying_tag(state_.applying));
  lvm_.flush(target_.vg);
}

/// Where the working copy, which is active, may hold something else than the base did; without a
/// base, all that it maps.
ExtentSpool ManagedTarget::changed_since(const Generation* base, uint64_t size) const {
  MetadataSnapshot frozen(lvm_.thin_pool(pool_name()));
  const std::optional<uint64_t> base_id = base == nullptr ? std::nullopt : base->volume.thin_id;
  const std::unique_ptr<DeltaSource> delta = open_delta(
      DeltaEngine::native, {metadata_path(pool_name()), true}, base_id, *state_.working->thin_id,
      state_.working->chunk_size, base == nullptr ? 0 : base->size, size);
  ExtentSpool changed(*delta);
  frozen.release();
  return changed;
}

ContentResult ManagedTarget::content(const BeginFrame& begin, const std::function<void()>& tick) {
  const Generation* base = state_.base_of(begin);
  std::optional<ContentMap> known;
  if (base != nullptr) known = contents_.find(base->volume.uuid, base->size);
  ExtentSpool changed = changed_since(known ? base : nullptr, begin.volume_size);
  ExtentSpool::Reader touched(changed);
  BorrowedReader volume(device_->file());
  draft_.emplace(contents_);
  const ContentResult result =
      scan_content({.volume = volume,
                    .size = begin.volume_size,
                    .touched = touched,
                    .known = known ? &*known : nullptr,
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

/// All of it, whatever is known of it; that is known from now on.
ContentResult ManagedTarget::read_generation(
    const Generation& generation, const std::function<void(const Digest& leaf)>& on_leaf) const {
  Activation active(lvm_, generation.volume);
  ContentDraft draft(contents_);
  ContentResult result;
  {
    BlockFile file(generation.volume.path, BlockFile::Access::shared_read);
    result = scan_file(file, [&](const Digest& leaf) {
      draft.add(leaf);
      on_leaf(leaf);
    });
  }
  active.release();
  draft.finish({generation.size, result.root});
  keep_map(draft, generation.volume.uuid);
  return result;
}

ContentResult ManagedTarget::held_content(const BeginFrame& begin,
                                          const std::function<void()>& tick) {
  const Generation& generation = *state_.find(begin.snapshot_id);
  if (const auto known = contents_.find(generation.volume.uuid, generation.size))
    return {known->root(), 0};
  return read_generation(generation, [&](const Digest&) { tick(); });
}

/// The base of a resync is what the newest generation really holds.
void ManagedTarget::check_resync(const BeginFrame& begin) {
  const Generation& newest = *state_.newest();
  const Digest root = read_generation(newest, [](const Digest&) {}).root;
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
  const std::optional<ContentMap> known = contents_.find(newest.volume.uuid, newest.size);
  const Digest root = read_generation(newest, on_leaf).root;
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

/// A map is a hint: without it the next session reads more.
void ManagedTarget::keep_map(ContentDraft& draft, const std::string& uuid) const try {
  draft.keep(uuid);
  contents_.remove_all_but([&] { return lvm_.uuids(); });
} catch (const Error& error) {
  std::fputs(fmt::format("bsr-recv: {}: its content map is not kept, so the next session may read "
                         "more than what changed: {}\n",
                         to_string(target_), error.what())
                 .c_str(),
             stderr);
}

/// The working copy may hold what a session wrote behind its last record; the generation does not.
VolumeReader& ManagedTarget::base(const BeginFrame& begin) {
  if (base_) return *base_;
  const Generation& generation = *state_.base_of(begin);
  base_activation_.emplace(lvm_, generation.volume);
  base_.emplace(BlockFile(generation.volume.path, BlockFile::Access::shared_read));
  return *base_;
}

VolumeReader& ManagedTarget::written() {
  if (!written_) written_.emplace(device_->file());
  return *written_;
}

void ManagedTarget::close_volumes() {
  sink_.reset();
  written_.reset();
  device_.reset();
  base_.reset();
  if (base_activation_) base_activation_->release();
  activation_->release();
}

void ManagedTarget::discard() {
  draft_.reset();
  checkpoint_.remove();
  close_volumes();
  look();
  // That a resync was tried stays known: what it began with may be damaged.
  if (state_.working && !is_content_identity(state_.applying)) remove_working_copy();
}

void ManagedTarget::commit(const BeginFrame& begin) {
  close_volumes();
  const std::vector<LogicalVolume> volumes = look();
  if (adds_nothing_) {
    lvm_.remove_tag(state_.working->name, applying_tag(applying_name(begin)));
    lvm_.flush(target_.vg);
    return;
  }
  const std::vector<std::string> tags = generation_tags(state_, begin);
  const std::string name = generation_name(volumes, target_, begin.snapshot_time);
  // The commit point: before this transaction the newest generation is the old one, after it the
  // new one.
  lvm_.snapshot(state_.working->name, name,
                {.read_only = true, .activation_skip = true, .tags = tags});
  kill_point("committed");
  checkpoint_.remove();
  lvm_.remove_tag(state_.working->name, applying_tag(applying_name(begin)));
  lvm_.flush(target_.vg);
  if (!draft_) return;
  look();
  keep_map(*draft_, state_.newest()->volume.uuid);
}

}  // namespace bsr
