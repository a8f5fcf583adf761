// A snapshot in LVM.
#include "base/error.h"
#include "bsr-send/source.h"
#include "platform/activation.h"
#include "platform/block_io.h"
#include "platform/device_mapper.h"
#include "platform/file_reads.h"
#include "platform/kill_point.h"
#include "platform/lvm.h"
#include "platform/patience.h"
#include "platform/thin_device.h"
#include "platform/thin_pool.h"

namespace bsr {
namespace {

VolumeName parse_name(const std::string& text) {
  std::optional<VolumeName> name = parse_volume_name(text);
  if (!name)
    fail(ErrorKind::usage,
         "{}: not a name of the form VG/LV (for a pool image give --metadata and --data)", text);
  return *name;
}

/// What somebody has open for a moment only is waited for.
bool stays_open(const LogicalVolume& volume) {
  const Patience patience;
  while (is_open(device_mapper_name(volume.name)))
    if (!patience.wait()) return true;
  return false;
}

/// A thin volume that stands still.
LogicalVolume check_still(LogicalVolume volume) {
  const std::string name = to_string(volume.name);
  if (!volume.is_thin || !volume.thin_id)
    fail(ErrorKind::usage, "{}: is not a thin volume; only thin volumes know what changed in them",
         name);
  if (volume.writable && volume.open && stays_open(volume)) {
    if (volume.origin.empty())
      fail(ErrorKind::busy,
           "{}: is in use and writable, so it changes while it is read; make a snapshot (lvcreate "
           "-s -n NAME {}) and send that",
           name, name);
    fail(ErrorKind::busy,
         "{}: this snapshot is writable, and another program has it open (`lsblk {}` shows mounts "
         "and devices on it, `fuser -v {}` programs), so it may change while it is read; let that "
         "end and try again",
         name, volume.path, volume.path);
  }
  return volume;
}

LogicalVolume find_snapshot(const Lvm& lvm, const std::string& text) {
  const VolumeName name = parse_name(text);
  std::optional<LogicalVolume> volume = lvm.find(name);
  if (!volume)
    fail(ErrorKind::failed, "{}: there is no such logical volume; see `lvs {}`", text, name.vg);
  return check_still(std::move(*volume));
}

/// The volume that a token names; when the command line names one too, they must be the same.
LogicalVolume find_by_token(const Lvm& lvm, const std::string& uuid, const char* what,
                            const std::string& text) {
  if (!text.empty()) {
    LogicalVolume volume = find_snapshot(lvm, text);
    if (volume.uuid != uuid)
      fail(ErrorKind::usage,
           "--token: is for a transfer of another {} ({}) than {} ({}); leave the name out, the "
           "token knows it",
           what, uuid, text, volume.uuid);
    return volume;
  }
  std::vector<LogicalVolume> found = lvm.find_uuid(uuid);
  if (found.empty())
    fail(ErrorKind::base,
         "--token: the {} that it names ({}) is gone, so this transfer cannot be continued; drop "
         "it on the receiver (bsr-recv -A TARGET) and send from a snapshot that both sides have",
         what, uuid);
  if (found.size() > 1)
    fail(ErrorKind::base,
         "--token: {} and {} both have the UUID of the {} that it names ({}), so one is a clone of "
         "the other; name snapshot and base too (bsr-send -t TOKEN -i VG/LV VG/LV)",
         to_string(found[0].name), to_string(found[1].name), what, uuid);
  return check_still(std::move(found.front()));
}

class LvmSource final : public SendSource {
 public:
  explicit LvmSource(const SendOptions& options)
      : patch_(options.dry_run ? PatchMode::never : options.patch),
        longest_read_(options.stall_timeout),
        target_(options.resume
                    ? find_by_token(lvm_, options.resume->snapshot_id, "snapshot", options.snapshot)
                    : find_snapshot(lvm_, options.snapshot)),
        resumes_at_(options.resume ? options.resume->resume.position : 0) {
    begin_.volume_size = target_.size;
    begin_.chunk_size = static_cast<uint32_t>(target_.chunk_size);
    begin_.snapshot_time = target_.time;
    begin_.volume_id = target_.origin_uuid.empty() ? target_.uuid : target_.origin_uuid;
    begin_.snapshot_id = target_.uuid;
    begin_.name = to_string(target_.name).substr(0, stream::kNameSize - 1);
    if (options.resume && !options.resume->is_full())
      base_ = find_by_token(lvm_, options.resume->base_id, "base", options.base.value_or(""));
    else if (options.base)
      base_ = find_snapshot(lvm_, *options.base);
    if (!base_) return;
    const std::string base = to_string(base_->name);
    if (base_->uuid == target_.uuid)
      fail(ErrorKind::usage, "-i {}: base and snapshot are the same volume", base);
    // Clones of a group (vgimportclone) have the UUIDs of its volumes and pools, not its own.
    if (base_->pool_uuid != target_.pool_uuid || base_->vg_uuid != target_.vg_uuid)
      fail(ErrorKind::base,
           "-i {}: lies in pool {}/{}, {} in {}/{}; only snapshots of one pool can be compared",
           base, base_->name.vg, base_->pool, to_string(target_.name), target_.name.vg,
           target_.pool);
    begin_.base_id = base_->uuid;
    begin_.base_size = base_->size;
  }

  [[nodiscard]] const BeginFrame& describe() const override { return begin_; }

  std::unique_ptr<Plan> plan(DeltaEngine engine) override {
    activation_.emplace(lvm_, target_);  // the pool comes with it
    BlockFile file(target_.path, access_to(target_));
    if (const std::optional<ThinFacts> thin = thin_facts(file.fd());
        thin && thin->has_external_origin)
      fail(ErrorKind::unsupported,
           "{}: has an external origin, from which it reads what is not mapped; copy it into a "
           "volume of its own first",
           to_string(target_.name));
    claim_.emplace(std::move(file));
    if (base_ && patch_ != PatchMode::never) claim_base();
    SourceStates states;
    std::unique_ptr<Plan> plan = since(base_ ? base_->thin_id : std::nullopt, engine, &states);
    begin_.set_states(states.target.state, states.base ? states.base->state : SourceState{});
    if (base_claim_ && states.base->own_blocks > 0)
      base_problem_ = unsteady_base("-i " + to_string(base_->name));
    return plan;
  }

  std::unique_ptr<Plan> mapped(DeltaEngine engine) override {
    return since(std::nullopt, engine, nullptr);
  }

  [[nodiscard]] ExtentSpool& own_before() override { return own_before_; }

  [[nodiscard]] bool has_lasting_names() const override { return true; }

  [[nodiscard]] const std::string& base_problem() const override { return base_problem_; }

  std::unique_ptr<VolumeReader> open() override { return reader(target_); }
  std::unique_ptr<VolumeReader> open_base() override { return reader(*base_); }

  void close() override {
    claim_.reset();
    base_claim_.reset();
    if (base_activation_) base_activation_->release_unless_in_use();
    activation_->release_unless_in_use();
  }

 private:
  /// A writable volume is claimed before its mappings are read, so that nobody can mount and
  /// change it from here on; a read-only one may have other readers.
  static BlockFile::Access access_to(const LogicalVolume& volume) {
    return volume.writable ? BlockFile::Access::read : BlockFile::Access::shared_read;
  }

  [[nodiscard]] std::unique_ptr<VolumeReader> reader(const LogicalVolume& volume) const {
    return std::make_unique<BlockReader>(BlockFile(volume.path, BlockFile::Access::shared_read),
                                         longest_read_);
  }

  /// As for the snapshot; but a base that we cannot have is none, unless it must be.
  void claim_base() try {
    base_activation_.emplace(lvm_, *base_);
    base_claim_.emplace(base_->path, access_to(*base_));
  } catch (const Error& error) {
    if (patch_ == PatchMode::always || error.kind() == ErrorKind::interrupted) throw;
    base_problem_ = error.what();
  }

  std::unique_ptr<Plan> since(std::optional<uint64_t> base, DeltaEngine engine,
                              SourceStates* states) {
    const VolumeName pool{target_.name.vg, target_.pool};
    MetadataSnapshot frozen(lvm_.thin_pool(pool));
    const MappingPlace place = {metadata_path(pool), true};
    const std::unique_ptr<DeltaSource> delta =
        open_delta(engine, place, base, *target_.thin_id, target_.chunk_size,
                   base ? begin_.base_size : 0, begin_.volume_size, states);
    auto plan = std::make_unique<Plan>(*delta, target_.chunk_size);
    if (states != nullptr && resumes_at_ > 0 && states->target.own_blocks > 0)
      own_before_ = ExtentSpool(*open_own_mappings(place, *target_.thin_id, resumes_at_));
    kill_point("metadata-held");
    frozen.release();
    return plan;
  }

  PatchMode patch_;
  std::chrono::seconds longest_read_;
  Lvm lvm_;
  LogicalVolume target_;
  std::optional<LogicalVolume> base_;
  BeginFrame begin_;
  std::optional<Activation> activation_;
  std::optional<Activation> base_activation_;
  std::optional<BlockFile> claim_;  // after activation_: closed before the volume is deactivated
  std::optional<BlockFile> base_claim_;
  uint64_t resumes_at_;
  ExtentSpool own_before_;
  std::string base_problem_;
};

}  // namespace

std::unique_ptr<SendSource> open_lvm_source(const SendOptions& options) {
  put_back_abandoned_and_say(Lvm());
  return std::make_unique<LvmSource>(options);
}

}  // namespace bsr
