// Whether LVM will be able to make one more snapshot in a pool: it looks at more than room, and a
// session learns of it only when everything has come.
#pragma once

#include <cstdint>
#include <vector>

#include "platform/device_mapper.h"
#include "platform/lvm.h"
#include "platform/pool_guard.h"

namespace bsr {

/// What LVM compares before it makes a snapshot.
struct SnapshotRule {
  uint64_t transaction_id = 0;          ///< of the pool, in LVM's own metadata
  unsigned autoextend_threshold = 100;  ///< percent; above it LVM refuses
  bool is_queued = false;  ///< LVM will tell the pool something first, which brings it to that
};

/// Throws Error{no_space} or {failed} when LVM would refuse once the pool holds `more`.
void check_rule(const VolumeName& pool, const SnapshotRule& rule, const ThinPoolStatus& status,
                const PoolRoom& more);

/// LVM gives the next thin device a number above those it knows of. Throws Error{failed} when the
/// pool, whose thin devices `taken` are, has that already.
void check_next_thin_id(const VolumeName& pool, const std::vector<LogicalVolume>& volumes,
                        const std::vector<uint64_t>& taken);

/// Both, of an active pool that is to hold so many bytes more. `volumes`: all of its group.
void check_next_snapshot(const Lvm& lvm, const VolumeName& pool,
                         const std::vector<LogicalVolume>& volumes, uint64_t bytes);

}  // namespace bsr
