// What a block device stands on.
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "platform/thin_device.h"

namespace bsr {

/// Devices that `device` is made of, as far as the kernel says: the disk of a partition, what the
/// device mapper or md put together, the device behind a loop device. Empty: none, or none that
/// this host knows of. `sysfs`: where that is mounted.
[[nodiscard]] std::vector<dev_t> devices_below(dev_t device, const std::string& sysfs = "/sys");

/// The thin volumes that an open block device stands on, however deep, itself not counted; what
/// these stand on is not looked at.
[[nodiscard]] std::vector<ThinFacts> thin_volumes_below(int fd);

/// Throws Error{unsupported} when one of them lies in a pool that does not zero new chunks: a write
/// there brings old content up beside it, and from above nobody knows where a chunk begins. `path`
/// names the device.
void refuse_unzeroed_pool_below(int fd, const std::string& path);

}  // namespace bsr
