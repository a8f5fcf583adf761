// The kernel's device mapper, as far as thin pools need it. Devices go by their names there, such
// as vg0-pool-tpool. Nothing is printed: what libdevmapper says becomes part of the error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/lvm.h"

namespace bsr {

/// VG-LV or, with a layer, VG-LV-LAYER; hyphens inside the names are doubled.
[[nodiscard]] std::string device_mapper_name(const VolumeName& name, std::string_view layer = {});

/// The device of an active LVM thin pool that takes messages and has the status: VG-POOL-tpool. (Of
/// a pool that never had a volume it is VG-POOL.)
[[nodiscard]] std::string pool_device(const VolumeName& pool);

/// Sends `text` to the first target of a device. Throws Error{busy} when the target answers EBUSY,
/// Error{failed} otherwise, also when there is no such device.
void send_message(const std::string& device, const std::string& text);

/// Whether there is a device of this name.
[[nodiscard]] bool device_exists(const std::string& device);

/// Whether there is such a device, and somebody has it open.
[[nodiscard]] bool is_open(const std::string& device);

/// How many have the device open: programs, mounts and devices stacked on it. Throws Error{failed}
/// when there is no such device.
[[nodiscard]] uint32_t open_count(const std::string& device);

/// The first line of a mapped device's table.
struct MappedTarget {
  std::string type;                     ///< such as "thin" or "linear"
  std::vector<std::string> parameters;  ///< words behind the type
};

/// Nullopt for a device that is not device-mapper's.
[[nodiscard]] std::optional<MappedTarget> first_target(uint32_t major, uint32_t minor);

struct ThinPoolStatus {
  enum class Mode {
    read_write,
    read_only,          ///< also when the metadata device is full
    out_of_data_space,  ///< writes to new chunks wait or fail
    failed,             ///< everything fails; nothing else of this status is known then
  };

  uint64_t transaction_id = 0;
  uint64_t used_metadata = 0, total_metadata = 0;  ///< blocks of 4 KiB
  uint64_t used_data = 0, total_data = 0;          ///< chunks
  std::optional<uint64_t> held_root;  ///< block of the metadata snapshot while there is one
  Mode mode = Mode::failed;
  Discards discards = Discards::ignore;
  bool error_if_no_space = false;  ///< else writes wait for space, usually up to 60 s
  bool needs_check = false;
};

/// Takes what follows "thin-pool " in a status line (Linux,
/// Documentation/admin-guide/device-mapper/ thin-provisioning.rst). Fields behind those we know are
/// passed over. Throws Error{failed} for everything else.
[[nodiscard]] ThinPoolStatus parse_thin_pool_status(std::string_view text);

/// Asks the kernel without making it commit metadata. Throws Error{failed} when there is no such
/// device or it is no thin pool.
[[nodiscard]] ThinPoolStatus thin_pool_status(const std::string& device);

}  // namespace bsr
