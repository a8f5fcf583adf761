// Unpacks one zstd frame of a stream, into exactly the bytes that are expected.
#pragma once

#include <cstdint>

#include "base/aligned_bytes.h"
#include "base/bytes.h"

namespace bsr {

/// Throws Error{corrupt} unless `wire` is one plain zstd frame that claims to be nothing else.
void check_zstd(ByteView wire);

/// Unpacks such a frame. `prefix`: what its content may refer back to. Throws Error{corrupt} unless
/// it gives exactly `length` bytes; takes no more memory than that, whatever the frame claims.
[[nodiscard]] AlignedBytes unpack_zstd(ByteView wire, uint32_t length, ByteView prefix = {});

}  // namespace bsr
