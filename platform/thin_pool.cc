// How a metadata snapshot is taken, kept and given back.
#include "platform/thin_pool.h"

#include <unistd.h>

#include <thread>

#include "base/error.h"
#include "platform/device_mapper.h"
#include "platform/signals.h"

namespace bsr {
namespace {

using std::chrono::steady_clock;

VolumeName metadata_volume(const VolumeName& pool) { return {pool.vg, pool.lv + "_tmeta"}; }

class KernelPool final : public PoolControl {
 public:
  explicit KernelPool(const VolumeName& pool)
      : name_(to_string(pool)),
        device_(pool_device(pool)),
        metadata_device_(device_mapper_name(metadata_volume(pool))) {}

  std::optional<uint64_t> held_root() override {
    const ThinPoolStatus status = thin_pool_status(device_);
    if (status.mode == ThinPoolStatus::Mode::failed)
      fail(ErrorKind::failed,
           "thin pool {} has failed: see the kernel log and `lvconvert --repair`", name_);
    return status.held_root;
  }

  void reserve() override {
    const ThinPoolStatus status = thin_pool_status(device_);
    if (status.mode == ThinPoolStatus::Mode::read_only)
      fail(ErrorKind::failed,
           "thin pool {} is read-only, its metadata cannot be frozen for reading: see the kernel "
           "log, and "
           "`lvs -o+lv_health_status` whether its metadata is full",
           name_);
    send_message(device_, "reserve_metadata_snap");
  }

  void release() override { send_message(device_, "release_metadata_snap"); }

  uint32_t readers() override {
    const uint32_t count = open_count(metadata_device_);
    return count == 0 ? 0 : count - 1;  // the pool itself
  }

 private:
  std::string name_, device_, metadata_device_;
};

/// The pool's lock is ours: so a record of this very process is of an attempt that ended without
/// release.
bool owner_may_live(const PoolRecord& record) {
  return !(record.owner == ProcessIdentity::ours()) && record.owner.may_be_alive();
}

}  // namespace

std::string metadata_path(const VolumeName& pool) {
  return "/dev/mapper/" + device_mapper_name(metadata_volume(pool));
}

bool can_read_metadata(const VolumeName& pool) {
  return access(metadata_path(pool).c_str(), R_OK) == 0;
}

std::unique_ptr<PoolControl> kernel_pool(const VolumeName& pool) {
  return std::make_unique<KernelPool>(pool);
}

SnapshotHolder holder_of(std::optional<uint64_t> held_root, const std::optional<PoolRecord>& record,
                         bool owner_may_live) {
  if (!held_root) return SnapshotHolder::nobody;
  if (!record || owner_may_live) return SnapshotHolder::somebody_else;
  if (!record->held_root) return SnapshotHolder::maybe_dead_one;
  return record->held_root == held_root ? SnapshotHolder::dead_owner
                                        : SnapshotHolder::somebody_else;
}

MetadataSnapshot::MetadataSnapshot(const ThinPool& pool, SnapshotOptions options)
    : MetadataSnapshot(pool, std::move(options), kernel_pool(pool.name)) {}

MetadataSnapshot::MetadataSnapshot(const ThinPool& pool, SnapshotOptions options,
                                   std::unique_ptr<PoolControl> control)
    : pool_(pool.name),
      options_(std::move(options)),
      control_(std::move(control)),
      record_(options_.folders.records, pool.uuid) {
  const auto deadline = steady_clock::now() + options_.wait;
  lock_.emplace(options_.folders.locks, pool.uuid, "pool " + to_string(pool_), deadline);
  do {
    wait_until_free(deadline);
  } while (!try_reserve());
}

MetadataSnapshot::~MetadataSnapshot() {
  try {
    release();
  } catch (const std::exception&) {  // the record stays and the next start releases
  }
}

/// Returns when there is no metadata snapshot; releases one that a dead process of ours left
/// behind.
void MetadataSnapshot::wait_until_free(steady_clock::time_point deadline) {
  std::optional<uint64_t> last_root;
  auto quiet_since = steady_clock::now();  // same block and no readers since then
  while (const std::optional<uint64_t> root = control_->held_root()) {
    const auto now = steady_clock::now();
    const bool read = control_->readers() > 0;
    if (read || root != last_root) quiet_since = now;
    last_root = root;

    const std::optional<PoolRecord> record = record_.read();
    const SnapshotHolder holder = holder_of(root, record, record && owner_may_live(*record));
    const bool settled = now - quiet_since >= options_.settle;
    if (!read && (holder == SnapshotHolder::dead_owner ||
                  (holder == SnapshotHolder::maybe_dead_one && settled))) {
      control_->release();
      record_.remove();  // before somebody else's could get the same block
      released_leftover_ = true;
      continue;
    }
    throw_if_stopped();
    if (now >= deadline) fail_held(*root);
    std::this_thread::sleep_for(options_.interval);
  }
}

/// False when somebody else was faster. The record says what we are about to do before we do it.
bool MetadataSnapshot::try_reserve() {
  throw_if_stopped();
  record_.write_intent();
  try {
    control_->reserve();
  } catch (const Error& error) {
    record_.remove();  // the kernel said no: nothing of ours is there
    if (error.kind() == ErrorKind::busy) return false;
    throw;
  }
  try {
    const std::optional<uint64_t> root = control_->held_root();
    if (!root)
      fail(ErrorKind::failed, "the metadata snapshot of pool {} was released by somebody else",
           to_string(pool_));
    held_root_ = *root;
    record_.write_held(held_root_);
  } catch (...) {
    try {
      control_->release();
      record_.remove();
    } catch (const Error&) {  // the first failure is the one to report; the next start releases
    }
    throw;
  }
  held_ = true;
  return true;
}

void MetadataSnapshot::fail_held(uint64_t held_root) const {
  fail(ErrorKind::busy,
       "pool {} has a metadata snapshot (block {}) that is not ours, and it was not released "
       "within {} s. "
       "Try again later. `dmsetup status {}` shows that block before \"rw\" as long as it is held; "
       "if you "
       "are sure that nobody uses it: `dmsetup message {} 0 release_metadata_snap`",
       to_string(pool_), held_root,
       std::chrono::duration_cast<std::chrono::seconds>(options_.wait).count(), pool_device(pool_),
       pool_device(pool_));
}

void MetadataSnapshot::release() {
  if (!held_) return;
  const std::optional<uint64_t> root = control_->held_root();
  if (root == held_root_) control_->release();
  held_ = false;
  record_.remove();
  lock_.reset();
  if (root != held_root_)
    fail(ErrorKind::failed,
         "somebody else released the metadata snapshot of pool {} while it was read: what was read "
         "may be "
         "wrong; try again",
         to_string(pool_));
}

}  // namespace bsr
