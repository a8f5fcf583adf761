// What the devices of a pool in use map, as it was at one instant.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "formats/delta.h"
#include "formats/thin_device_state.h"
#include "formats/thin_metadata.h"
#include "platform/metadata_file.h"
#include "platform/thin_pool.h"

namespace bsr {

/// Holds the pool's metadata snapshot, of which there is only one: take what is needed, release.
/// Sources that it gave are read to their end, or into an ExtentSpool, before release().
class FrozenMappings {
 public:
  /// What was written to any device of the pool, and reported done, is in it. Throws as
  /// MetadataSnapshot does.
  explicit FrozenMappings(const ThinPool& pool);

  [[nodiscard]] const ThinMetadata& metadata() const { return metadata_; }

  /// From one device to another, as open_delta() says; everything mapped without a base.
  [[nodiscard]] std::unique_ptr<DeltaSource> changed(std::optional<uint64_t> base_thin_id,
                                                     uint64_t target_thin_id, uint64_t base_size,
                                                     uint64_t target_size) const;

  /// Throws as MetadataSnapshot does: then what was read must not be used.
  void release() { snapshot_.release(); }

 private:
  MetadataSnapshot snapshot_;
  MetadataFile blocks_;
  ThinMetadata metadata_;
};

}  // namespace bsr
