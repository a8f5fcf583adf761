// Whether LVM and the device mapper take the names of the volumes that a target needs.
#pragma once

#include <cstdint>
#include <vector>

#include "bsr-recv/generations.h"

namespace bsr {

/// Refuses a target some of whose volumes could not be made, or be made and never activated: LVM
/// does not look at the length of a device's name. A new target must have room for every name it
/// may ever need; one that is there already only for those of this session, as `begin` and
/// `rollback` say. Throws Error{usage} with the longest name that would do. `now`: unix time.
void check_names(const TargetState& state, const std::vector<LogicalVolume>& volumes,
                 const BeginFrame& begin, bool rollback, int64_t now);

}  // namespace bsr
