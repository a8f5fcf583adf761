// What no compressor shortens, found without compressing it: random, encrypted or compressed bytes.
#pragma once

#include "base/bytes.h"

namespace bsr {

/// Whether a sample of the content looks like random bytes: each value is about as frequent as the
/// others, and no two pages of 4 KiB begin alike. Looks at one byte in 32 and takes a sixth of
/// the time zstd takes to find nothing. False for less than 64 KiB, which is too little to tell.
///
/// Measured on 4.5 GB of programs, libraries, archives and pictures in parts of 256 KiB: finds 95 %
/// of the parts that zstd -3 shortens by less than 1 %; what it takes for noise would have been
/// shortened by 0.16 %. It misses what repeats at other distances than pages.
[[nodiscard]] bool looks_like_noise(ByteView content);

}  // namespace bsr
