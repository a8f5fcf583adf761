// The working copy of a managed target in its three states: made, active, open.
#pragma once

#include <cstdint>

#include "bsr-recv/generations.h"
#include "platform/activation.h"
#include "platform/block_sink.h"
#include "platform/extent_spool.h"
#include "platform/file_reads.h"
#include "platform/lvm.h"
#include "platform/pool_guard.h"
#include "platform/thin_device.h"

namespace bsr {

/// Where it is, and what bounds it.
struct WorkingPlace {
  Lvm lvm;
  VolumeName target;
  VolumeName pool;
  PoolReserve reserve;

  [[nodiscard]] VolumeName name() const { return working_copy_name(target); }
};

/// How it came to be.
enum class Origin {
  made,       ///< from the base, or empty
  witnessed,  ///< it stayed equal to the base since the last commit
  continued,  ///< half
};

/// Makes it ready for a stream that starts, and tags it with that: equal to what `state` has as its
/// base, or empty. It is inactive then. With `rollback` a copy that differs stays as a snapshot;
/// without, that throws Error{diverged}.
[[nodiscard]] Origin make_working_copy(const WorkingPlace& place, const TargetState& state,
                                       const BeginFrame& begin, bool rollback);

/// Throws Error{diverged} unless the pool's metadata proves that the generation is what was
/// committed: then it cannot be a base. What it holds as a whole is read only by a resync, which
/// the message names.
void require_standing(const WorkingPlace& place, const Generation& generation);

/// It must be inactive, or only left active.
void remove_working_copy(const WorkingPlace& place, const LogicalVolume& volume);

/// With a device, and its pool with it.
class ActiveCopy {
 public:
  ActiveCopy(WorkingPlace place, LogicalVolume volume);

  [[nodiscard]] const WorkingPlace& place() const { return place_; }
  [[nodiscard]] const LogicalVolume& volume() const { return volume_; }
  [[nodiscard]] const ThinFacts& thin() const { return thin_; }

  /// Throws Error{diverged} where what it does not map would not read as zeros: bsr-recv makes no
  /// such volume, and no comparison of mappings would see it.
  void refuse_external_origin() const;

  /// What it maps within an area, cut to that. All else of it reads as zeros.
  [[nodiscard]] ExtentSpool mapped(Extent area) const;

  /// Where it may hold something else than `base` did; without a base, all that it maps.
  [[nodiscard]] ExtentSpool changed_since(const Generation* base, uint64_t size) const;

  /// Before anything is written to one that was made: throws Error{verify} unless it maps what
  /// `base` does.
  void check_made(const Generation& base) const;

  /// After everything was flushed: throws Error{verify} where it maps something else than `base`
  /// did and `touched`, which ascends, names nothing of the chunk. What lies behind `size`, the end
  /// of the volume, may have been cut off. Returns how many chunks it maps.
  [[nodiscard]] uint64_t check_untouched(const Generation* base, DeltaSource& touched,
                                         uint64_t size) const;

  /// To `bytes`, in whole PEs. What lies behind a smaller end is given back to the pool, which
  /// nobody could do later, and what is left of it in the last PE reads as zeros.
  void resize(uint64_t bytes);

  /// Throws what its destructor would not. Nobody may have it open.
  void release() { activation_.release(); }

  /// That somebody has it open is said on standard error only.
  void release_unless_in_use() { activation_.release_unless_in_use(); }

 private:
  void clear_behind(uint64_t bytes, uint64_t new_size) const;

  WorkingPlace place_;
  LogicalVolume volume_;
  Activation activation_;
  ThinFacts thin_;
};

/// Open, by us alone.
class OpenCopy {
 public:
  explicit OpenCopy(const ActiveCopy& copy);

  [[nodiscard]] VolumeSink& sink() { return guard_; }
  [[nodiscard]] VolumeReader& written() { return written_; }
  [[nodiscard]] const BlockFile& file() const { return device_.file(); }

 private:
  BlockSink device_;
  BorrowedReader written_;  // reads what device_ writes
  PoolGuard guard_;
};

}  // namespace bsr
