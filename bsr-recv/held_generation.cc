#include "bsr-recv/held_generation.h"

#include "platform/delta_engine.h"
#include "platform/thin_pool.h"

namespace bsr {
namespace {

ExtentSpool mapped_of(const Lvm& lvm, const Generation& generation) {
  const VolumeName pool = {generation.volume.name.vg, generation.volume.pool};
  MetadataSnapshot frozen(lvm.thin_pool(pool));
  const std::unique_ptr<DeltaSource> delta = open_delta(
      DeltaEngine::native, {metadata_path(pool), true}, std::nullopt,
      generation.volume.thin_id.value(), generation.volume.chunk_size, 0, generation.size);
  ExtentSpool mapped(*delta);
  frozen.release();
  return mapped;
}

}  // namespace

HeldGeneration::HeldGeneration(const Lvm& lvm, const Generation& generation)
    : activation_(lvm, generation.volume),
      mapped_(mapped_of(lvm, generation)),
      reader_(mapped_),
      volume_(BlockFile(generation.volume.path, BlockFile::Access::shared_read)) {}

}  // namespace bsr
