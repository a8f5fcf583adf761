#include "formats/standing.h"

#include "base/error.h"
#include "formats/thin_device_state.h"
#include "formats/thin_tree_delta.h"

namespace bsr {
namespace {

/// The device that was made then, as far as can be told without reading what it maps.
bool looks_the_same(const ThinMetadata& metadata, const Kept& snapshot) {
  const std::optional<ThinDevice> device = metadata.device(snapshot.thin_id);
  if (!device) fail(ErrorKind::failed, "the pool has no thin device {}", snapshot.thin_id);
  return snapshot.first_thin_id.value_or(snapshot.thin_id) == snapshot.thin_id &&
         snapshot.mapped_blocks.value_or(device->mapped_blocks) == device->mapped_blocks;
}

}  // namespace

bool stands(const ThinMetadata& metadata, const Kept& snapshot) {
  return looks_the_same(metadata, snapshot) &&
         device_state(metadata, snapshot.thin_id).own_blocks == 0;
}

Moved what_moved(const ThinMetadata& metadata, const Kept& snapshot, uint64_t copy_thin_id) {
  const bool differ =
      tree_delta(metadata, snapshot.thin_id, copy_thin_id, 0, UINT64_MAX)->next().has_value();
  if (!differ) return looks_the_same(metadata, snapshot) ? Moved::nothing : Moved::snapshot;
  return stands(metadata, snapshot) ? Moved::copy : Moved::snapshot;
}

}  // namespace bsr
