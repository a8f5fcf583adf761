// What a block device must be asked before its discards can be trusted.
#pragma once

#include <cstdint>
#include <optional>

namespace bsr {

/// Chunk size in bytes of an open dm-thin device that takes discards: whole chunks that are discarded read as
/// zeros afterwards. Nullopt for every other file and device.
[[nodiscard]] std::optional<uint64_t> thin_device_chunk(int fd);

}  // namespace bsr
