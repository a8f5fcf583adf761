// Telling a file or block device from another one that has its name later, or from itself under
// another name.
#pragma once

#include <string>

namespace bsr {

/// One line of text from what the kernel knows of an open file or block device, the same under each
/// of its names. A file: its inode, with the time and generation of its birth, since the number
/// comes back. A device: its size, and the device-mapper UUID, the file behind a loop device, the
/// WWID or serial number; a partition has those of its disk, and its place there. A device with
/// none of these has its number instead, which another one may have after a reboot.
[[nodiscard]] std::string volume_identity(int fd);

}  // namespace bsr
