// Telling a block device from another one that has its name later.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>

namespace bsr {

/// One line of text from what the kernel knows: the device-mapper UUID, WWID or serial number, and
/// the size in bytes. A device with none of these has its number instead, which another one may
/// have after a reboot.
[[nodiscard]] std::string block_device_identity(dev_t device, uint64_t size);

}  // namespace bsr
