// CRC-32C (Castagnoli), the checksum of the dm-thin metadata.
#pragma once

#include <cstdint>

#include "base/bytes.h"

namespace bsr {

/// Continues `crc` over `bytes`: neither the initial value nor a final inversion is applied here.
/// The usual CRC-32C starts at ~0 and inverts the result; the kernel's metadata checksums start at
/// ~0 and do not.
[[nodiscard]] uint32_t crc32c_update(uint32_t crc, ByteView bytes);

}  // namespace bsr
