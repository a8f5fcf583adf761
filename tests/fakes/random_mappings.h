// Random thin devices, and random later versions of them.
#pragma once

#include <random>

#include "tests/fakes/thin_metadata_image.h"

namespace bsr {

/// Up to 12 runs, short or long, in a device of `blocks`; data blocks lie below `data_blocks`.
inline MappingValues random_mappings(std::mt19937_64& dice, uint64_t blocks, uint64_t data_blocks) {
  MappingValues mappings;
  const uint64_t runs = dice() % 12;
  for (uint64_t run = 0; run < runs; ++run) {
    const uint64_t first = dice() % blocks;
    const uint64_t length = 1 + dice() % (dice() % 2 == 0 ? 3 : 30);
    for (uint64_t i = 0; i < length; ++i)
      mappings[first + i] = mapping_value(dice() % data_blocks, dice() % 3);
  }
  return mappings;
}

/// Overwrites, discards and adds runs; of some it only changes the time, which is no difference.
inline void mutate(MappingValues& mappings, std::mt19937_64& dice, uint64_t blocks,
                   uint64_t data_blocks) {
  const uint64_t changes = dice() % 10;
  for (uint64_t change = 0; change < changes; ++change) {
    const uint64_t first = dice() % blocks;
    const uint64_t length = 1 + dice() % 8;
    const uint64_t action = dice() % 4;
    for (uint64_t block = first; block < first + length; ++block) {
      if (action == 0) mappings.erase(block);
      if (action == 1 && mappings.contains(block)) mappings[block] ^= 1;
      if (action >= 2) mappings[block] = mapping_value(dice() % data_blocks, dice() % 3);
    }
  }
}

}  // namespace bsr
