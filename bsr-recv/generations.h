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
  [[nodiscard]] const Generation* find(const std::string& uuid) const;
};

/// `volumes`: all of the target's volume group. Only volumes with our tags for this target count.
/// Throws Error{failed} for tags that contradict each other.
[[nodiscard]] TargetState read_target_state(const std::vector<LogicalVolume>& volumes,
                                            const VolumeName& target);

/// Refuses a stream that does not continue the newest generation, or any with `rollback`:
/// Error{base}, Error{diverged}. A stream whose snapshot is a generation already is let through.
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

/// Of what a rollback left behind.
constexpr const char* kDivergedTag = "bsr.diverged";

}  // namespace bsr
