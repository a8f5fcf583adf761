#include "platform/frozen_mappings.h"

#include "platform/delta_engine.h"

namespace bsr {

FrozenMappings::FrozenMappings(const ThinPool& pool)
    : snapshot_(pool),
      blocks_(metadata_path(pool.name)),
      metadata_(blocks_, MetadataState::snapshot) {}

std::unique_ptr<DeltaSource> FrozenMappings::changed(std::optional<uint64_t> base_thin_id,
                                                     uint64_t target_thin_id, uint64_t base_size,
                                                     uint64_t target_size) const {
  return open_delta(
      DeltaEngine::native,
      {.metadata_path = blocks_.path(), .metadata_snapshot = true, .opened = &metadata_},
      base_thin_id, target_thin_id, metadata_.chunk_size(), base_size, target_size);
}

}  // namespace bsr
