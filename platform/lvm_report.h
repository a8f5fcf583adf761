// The inside of lvm.h: what `lvs` is asked for, and how its answers become volumes. Apart from the
// programs themselves, so that tests can feed it what `lvs` printed.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/lvm.h"

namespace bsr {

/// 1 to 127 of [a-zA-Z0-9+_.-], not starting with a hyphen, not "." or "..": VGs and LVs alike.
[[nodiscard]] bool is_valid_name(std::string_view name);

/// The arguments that make `lvs` print the report that the functions below take, whatever the
/// administrator's lvm.conf says about reports.
[[nodiscard]] std::vector<std::string> report_arguments();

/// The same for `pvs` and parse_devices().
[[nodiscard]] std::vector<std::string> device_report_arguments();

/// What --config must say to a program that changes something, whatever lvm.conf says: what goes
/// wrong is said on standard error, and a device that is in use is waited for, five seconds.
[[nodiscard]] std::string change_config();

/// What `lvs` said, as volumes. The pools of thin volumes must be in the report too. Throws
/// Error{failed} for anything but such a report.
[[nodiscard]] std::vector<LogicalVolume> parse_volumes(std::string_view report);

/// What `pvs --options pv_name` said, as paths; devices that are missing have none.
[[nodiscard]] std::vector<std::string> parse_devices(std::string_view report);

/// What lvmconfig said of activation/thin_pool_autoextend_threshold: percent.
[[nodiscard]] unsigned parse_threshold(std::string_view said);

/// Whether LVM, as a backup of its metadata says (vgcfgbackup), has yet to tell a pool to make or
/// delete thin devices. Throws Error{failed} for anything but such a backup.
[[nodiscard]] bool has_queued_messages(std::string_view backup, std::string_view pool);

/// Throws as parse_volumes() does, and when the report has no thin pool of that name.
[[nodiscard]] ThinPool parse_thin_pool(std::string_view report, const VolumeName& name);

}  // namespace bsr
