// Records of working copies that somebody removed by hand, which nobody would look for any more.
#pragma once

#include <string>
#include <vector>

#include "platform/lvm.h"

namespace bsr {

/// Of a working copy, for ever: the group's UUID too, since a group that is cloned keeps those of
/// its volumes.
[[nodiscard]] std::string identity_of(const LogicalVolume& volume);

/// The record of a working copy in our folder has this name, and its log one that ends with ".log".
[[nodiscard]] std::string record_name(const std::string& identity);

/// The names of all files in a folder; none when there is no such folder.
[[nodiscard]] std::vector<std::string> names_in(const std::string& folder);

/// Of names that were read before the volumes: the records whose volume is none of `volumes`, which
/// are all of one group. A record is younger than its volume, so that was removed. Of other groups,
/// which may only not be attached, nothing is known.
[[nodiscard]] std::vector<std::string> records_of_removed(
    const std::vector<std::string>& names, const std::vector<LogicalVolume>& volumes);

}  // namespace bsr
