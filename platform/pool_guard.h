// Keeps a thin pool from being filled by what we write.
#pragma once

#include "platform/lvm.h"
#include "platform/volume.h"

namespace bsr {

/// Throws Error{no_space} when the active pool has no room for `bytes` of new chunks, or no
/// metadata left.
void check_pool_room(const VolumeName& pool, uint64_t chunk_size, uint64_t bytes);

/// Passes everything on to a sink in the pool, and asks the pool for its fill before half of its
/// room can be used up: a full pool would stop every volume in it, and writes would hang. Throws
/// Error{no_space} instead.
class PoolGuard final : public VolumeSink {
 public:
  PoolGuard(VolumeSink& sink, VolumeName pool, uint64_t chunk_size);

  void write(uint64_t offset, ByteView bytes) override;
  void zero(Extent extent) override;
  void flush() override { sink_.flush(); }

 private:
  /// Before what may use up to `bytes` of new chunks.
  void charge(uint64_t bytes);

  VolumeSink& sink_;
  VolumeName pool_;
  uint64_t chunk_size_;
  uint64_t allowance_ = 0;  // bytes that may be written before the pool is asked again
};

}  // namespace bsr
