// What must be known of a thin device before it is read or written by chunks.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>

namespace bsr {

struct ThinFacts {
  uint64_t chunk_size = 0;  ///< bytes

  /// A new chunk reads as zeros where nothing was written to it. Without (`lvcreate -Zn`) it shows
  /// what its block held before, perhaps of another volume.
  bool zeroes_new_chunks = true;

  /// Without (`lvcreate --discards ignore`) nothing frees a chunk but the removal of its volume.
  bool takes_discards = true;

  /// What is not mapped reads from another volume, not as zeros.
  bool has_external_origin = false;

  std::string pool = {};  ///< VG/POOL; of other pools than LVM's the name of the mapped device
};

/// Of an open dm-thin device, from its table and its pool's (Linux,
/// Documentation/admin-guide/device-mapper/ thin-provisioning.rst); nullopt for every other file
/// and device.
[[nodiscard]] std::optional<ThinFacts> thin_facts(int fd);

/// The same of a device that is not open.
[[nodiscard]] std::optional<ThinFacts> thin_facts_of(dev_t device);

}  // namespace bsr
