// Bytes that no compressor shortens.
#pragma once

#include <random>

#include "base/bytes.h"

namespace bsr {

/// The same ones for each seed.
inline Bytes random_bytes(size_t size, unsigned seed = 1) {
  std::mt19937_64 dice(seed);
  Bytes bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(dice());
  return bytes;
}

}  // namespace bsr
