// Reading the metadata of a thin pool while the pool is in use.
//
// The kernel freezes one copy of a pool's metadata for readers, the metadata snapshot: one per
// pool, and it belongs to whoever reserved it only by agreement. So bsr takes it under a lock of
// its own, leaves somebody else's alone, and keeps a record by which a later start knows what a
// crash left behind.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "platform/file_lock.h"
#include "platform/lvm.h"
#include "platform/pool_files.h"

namespace bsr {

/// The device with the metadata of an active LVM thin pool: /dev/mapper/VG-POOL_tmeta.
[[nodiscard]] std::string metadata_path(const VolumeName& pool);

/// Whether this process may open that device: false for an inactive pool, and for most users.
[[nodiscard]] bool can_read_metadata(const VolumeName& pool);

/// What a MetadataSnapshot asks of a pool; the kernel's pools outside tests.
class PoolControl {
 public:
  virtual ~PoolControl() = default;

  /// Block of the metadata snapshot; nullopt when none is reserved. Throws when the pool is not
  /// active or has failed.
  virtual std::optional<uint64_t> held_root() = 0;

  /// Throws Error{busy} when one is reserved already.
  virtual void reserve() = 0;
  virtual void release() = 0;

  /// How many have the metadata device open, apart from the pool itself.
  virtual uint32_t readers() = 0;
};

/// The pool of that name as the kernel has it.
[[nodiscard]] std::unique_ptr<PoolControl> kernel_pool(const VolumeName& pool);

/// Whose a metadata snapshot is.
enum class SnapshotHolder {
  nobody,          ///< there is none
  somebody_else,   ///< not ours to touch
  dead_owner,      ///< left behind by a process of ours that is gone
  maybe_dead_one,  ///< a process of ours ended while it was reserving: almost certainly its own
};

/// Decides from what the kernel and our record say. A record of another block is not about this
/// one, and one whose owner may live is not to be acted upon.
[[nodiscard]] SnapshotHolder holder_of(std::optional<uint64_t> held_root,
                                       const std::optional<PoolRecord>& record,
                                       bool owner_may_live);

struct SnapshotOptions {
  /// For the lock, and for somebody else's metadata snapshot to go, together.
  std::chrono::milliseconds wait{60'000};

  /// How long a `maybe_dead_one` must lie there, the same and without readers, before it is
  /// released.
  std::chrono::milliseconds settle{5'000};

  std::chrono::milliseconds interval{100};  ///< between two looks
  PoolFolders folders;
};

/// Has the metadata snapshot of a pool, and the pool's lock, from construction to release(). Needs
/// the pool to be active; one that is read-only or failed cannot have a metadata snapshot.
///
/// A leftover of ours is released first, but never while anybody has the metadata device open:
/// should a record ever mislead us, a foreign reader does not get freed blocks to read.
///
/// What a crash leaves, and what the next start makes of it:
///   before the intent is durable    nothing
///   between intent and reservation  an intent; if the kernel has a metadata snapshot:
///   maybe_dead_one between reservation and note    the same: this is the usual `maybe_dead_one`,
///   since a process killed
///                                   inside the reserving call returns from it only to die
///   while held                      a record of the kernel's block: dead_owner
///   between release and removal     a record, and no metadata snapshot or another one: outdated
/// Whatever happened, a power cut included, a record names at least the intent before there is a
/// metadata snapshot of ours.
class MetadataSnapshot {
 public:
  /// Waits as `options` say. Throws Error{busy} when another process of ours, or somebody else's
  /// metadata snapshot, is still there then; Error{interrupted} after a stop signal; Error{failed}.
  explicit MetadataSnapshot(const ThinPool& pool, SnapshotOptions options = {});
  MetadataSnapshot(const ThinPool& pool, SnapshotOptions options,
                   std::unique_ptr<PoolControl> control);
  MetadataSnapshot(const MetadataSnapshot&) = delete;
  MetadataSnapshot& operator=(const MetadataSnapshot&) = delete;

  /// Releases if release() was not called; a failure is found by the next start.
  ~MetadataSnapshot();

  /// The block of the superblock's copy in the metadata device, for native readers.
  [[nodiscard]] uint64_t held_root() const { return held_root_; }

  /// Whether one that a dead process of ours left behind was released on the way; worth a line in a
  /// log.
  [[nodiscard]] bool released_leftover() const { return released_leftover_; }

  /// Lets go of the metadata snapshot, then of the lock. Throws Error{failed} when that fails, and
  /// when the metadata snapshot was taken away while we had it: then what was read must not be
  /// used.
  void release();

 private:
  void wait_until_free(std::chrono::steady_clock::time_point deadline);
  bool try_reserve();
  [[noreturn]] void fail_held(uint64_t held_root) const;

  VolumeName pool_;
  SnapshotOptions options_;
  std::unique_ptr<PoolControl> control_;
  std::optional<FileLock> lock_;
  PoolRecordFile record_;
  uint64_t held_root_ = 0;
  bool held_ = false;
  bool released_leftover_ = false;
};

}  // namespace bsr
