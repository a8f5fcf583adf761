// What a managed target holds, told from LVM's volumes and their tags, and what may follow it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "formats/frame.h"
#include "platform/lvm.h"

namespace bsr {

/// A committed state of the source: a read-only thin snapshot with our tags (docs/design.md lists
/// them).
struct Generation {
  LogicalVolume volume;
  std::string uuid;     ///< of the source snapshot
  std::string base;     ///< what the stream that made it applied to
  uint64_t size = 0;    ///< bytes; the volume may be larger, since physical extents are
  uint64_t number = 0;  ///< 1, 2, ... in the order of commits
};

struct TargetState {
  VolumeName target;
  std::vector<Generation> generations;   ///< oldest first
  std::optional<LogicalVolume> working;  ///< LV.bsr-recv
  std::string applying;     ///< snapshot that `working` was being made into; empty: it is clean
  bool name_taken = false;  ///< a volume with the target's own name exists

  [[nodiscard]] const Generation* newest() const {
    return generations.empty() ? nullptr : &generations.back();
  }
  /// The newest one of this snapshot: it may have been repaired.
  [[nodiscard]] const Generation* find(const std::string& uuid) const;

  /// What a stream applies to, when it is here; nullptr for a full stream.
  [[nodiscard]] const Generation* base_of(const BeginFrame& begin) const;

  /// The working copy is part of a generation to be.
  [[nodiscard]] bool is_half() const;
};

/// `volumes`: all of the target's volume group. Only volumes with our tags for this target count.
/// Throws Error{failed} for tags that contradict each other.
[[nodiscard]] TargetState read_target_state(const std::vector<LogicalVolume>& volumes,
                                            const VolumeName& target);

/// Whether a stream applies to what the target holds, whatever that is called.
[[nodiscard]] bool is_resync(const BeginFrame& begin);

/// Refuses a stream that does not continue the newest generation, or any one with `rollback`:
/// Error{base}, Error{diverged}; without `rollback` also one that comes after an interrupted
/// resync. A stream whose snapshot is a generation already is let through, and so is a resync: what
/// the newest generation holds must be read to say more.
void check_lineage(const TargetState& state, const BeginFrame& begin, bool rollback);

[[nodiscard]] VolumeName working_copy_name(const VolumeName& target);

/// 20250106T000002Z
[[nodiscard]] std::string utc_stamp(int64_t unix_time);

/// `name`, or the first of name-2, name-3... that is free.
[[nodiscard]] std::string free_name(const std::vector<LogicalVolume>& volumes,
                                    const std::string& name);

/// LV.bsr-<UTC time of the source snapshot>, or the next free name.
[[nodiscard]] std::string generation_name(const std::vector<LogicalVolume>& volumes,
                                          const VolumeName& target, int64_t snapshot_time);

[[nodiscard]] std::vector<std::string> generation_tags(const TargetState& state,
                                                       const BeginFrame& begin);

/// Tags of a working copy; `snapshot`: what it is being made into.
[[nodiscard]] std::string target_tag(const VolumeName& target);
[[nodiscard]] std::string applying_tag(const std::string& snapshot);

/// What a working copy is being made into, for applying_tag(): the snapshot, unless its identity
/// may be that of a generation which is to be repaired.
[[nodiscard]] std::string applying_name(const BeginFrame& begin);

/// Of what a rollback left behind.
constexpr const char* kDivergedTag = "bsr.diverged";

}  // namespace bsr
