// What a managed target holds, told from LVM's volumes and their tags, and what may follow it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "bsr-recv/waiting.h"
#include "formats/standing.h"
#include "platform/lvm.h"

namespace bsr {

/// A committed state of the source: a read-only thin snapshot with our tags (docs/design.md lists
/// them).
struct Generation {
  LogicalVolume volume;
  std::string uuid;                ///< of the source snapshot
  std::string base;                ///< what the stream that made it applied to
  uint64_t size = 0;               ///< bytes; the volume may be larger, since physical extents are
  uint64_t number = 0;             ///< 1, 2, ... in the order of commits
  SourceState state{};             ///< of the source snapshot, when it was read
  std::optional<uint64_t> mapped;  ///< chunks, when it was committed
  std::optional<uint64_t> first_thin_id;  ///< then

  /// What its pool's metadata must say of it.
  [[nodiscard]] Kept kept() const { return {volume.thin_id.value(), first_thin_id, mapped}; }
};

struct TargetState {
  VolumeName target;
  std::vector<Generation> generations;   ///< oldest first
  std::optional<LogicalVolume> working;  ///< LV.bsr-recv
  std::string applying;                  ///< what `working` was being made into; empty: it is clean
  uint64_t becoming = 0;                 ///< number of the generation that it was to become
  bool name_taken = false;               ///< a volume with the target's own name exists

  [[nodiscard]] const Generation* newest() const {
    return generations.empty() ? nullptr : &generations.back();
  }
  /// The newest one of this snapshot: it may have been repaired.
  [[nodiscard]] const Generation* find(const std::string& uuid) const;

  /// What a stream applies to, when it is here; nullptr for a full stream.
  [[nodiscard]] const Generation* base_of(const BeginFrame& begin) const;

  /// Of the generation that is made next.
  [[nodiscard]] uint64_t next_number() const {
    return newest() == nullptr ? 1 : newest()->number + 1;
  }
};

/// `volumes`: all of the target's volume group. Only volumes with our tags for this target count.
/// Throws Error{failed} for tags that contradict each other.
[[nodiscard]] TargetState read_target_state(const std::vector<LogicalVolume>& volumes,
                                            const VolumeName& target);

/// `record`: what is recorded of the working copy, if anything is.
[[nodiscard]] Waiting waiting_in(const TargetState& state, std::optional<BeginFrame> record);

[[nodiscard]] VolumeName working_copy_name(const VolumeName& target);

/// 20250106T000002Z
[[nodiscard]] std::string utc_stamp(int64_t unix_time);

/// `name`, or the first of name-2, name-3... that is free.
[[nodiscard]] std::string free_name(const std::vector<LogicalVolume>& volumes,
                                    const std::string& name);

/// LV.bsr-<UTC time of the source snapshot>, or the next free name.
[[nodiscard]] std::string generation_name(const std::vector<LogicalVolume>& volumes,
                                          const VolumeName& target, int64_t snapshot_time);

/// LV.bsr-diverged-<UTC time>, or the next free name: what a rollback leaves behind.
[[nodiscard]] std::string diverged_name(const std::vector<LogicalVolume>& volumes,
                                        const VolumeName& target, int64_t now);

[[nodiscard]] std::vector<std::string> generation_tags(const TargetState& state,
                                                       const BeginFrame& begin);

[[nodiscard]] std::string state_tag(const SourceState& state);

/// Of what is the target's.
[[nodiscard]] std::string target_tag(const VolumeName& target);

/// Of a generation, by whose mappings it is known again: how many there are, and of which device.
/// The device is not known before it is made.
[[nodiscard]] std::string mapped_tag(uint64_t chunks);
[[nodiscard]] std::string thin_id_tag(uint64_t thin_id);

/// Of a working copy that is being made into what `begin` says, the generation of that number. A
/// resync is called by the content that it began with: its snapshot may be that of the generation
/// which it is to repair. The number tells the one that was committed from the next of its name.
[[nodiscard]] std::string applying_tag(const BeginFrame& begin, uint64_t number);

/// The one that the working copy has. It must have one.
[[nodiscard]] std::string applying_tag(const TargetState& state);

/// Of what a rollback left behind.
constexpr const char* kDivergedTag = "bsr.diverged";

}  // namespace bsr
