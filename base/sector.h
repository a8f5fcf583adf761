// The unit of the kernel, of LVM and of both stream formats.
#pragma once

#include <cstdint>

namespace bsr {

constexpr uint64_t kSectorSize = 512;  // bytes

}  // namespace bsr
