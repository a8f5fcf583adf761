// Keeps a thin pool from being filled by what we write.
#pragma once

#include <chrono>
#include <functional>

#include "platform/block_sink.h"
#include "platform/device_mapper.h"
#include "platform/lvm.h"
#include "platform/thin_device.h"
#include "platform/volume.h"

namespace bsr {

/// What stays free in a pool, for everybody else in it: this share of its data and of its metadata,
/// in percent, but never less than two chunks and 128 KiB of metadata.
struct PoolReserve {
  unsigned percent = 1;
};

/// What there is above the reserve, or what something takes.
struct PoolRoom {
  uint64_t chunks = 0;
  uint64_t metadata_blocks = 0;  ///< of 4 KiB

  friend bool operator==(const PoolRoom&, const PoolRoom&) = default;
};

[[nodiscard]] PoolRoom room_above(PoolReserve reserve, const ThinPoolStatus& status);

/// How many times a pool's own size a volume in it may have. Nobody runs a pool that is smaller
/// than a hundredth of one volume of it; what a sender only claims must end somewhere, because our
/// content map takes 32 bytes for each MiB of a volume, whether that holds anything or not.
constexpr uint64_t kMostOverProvisioned = 1024;

/// Before anything is made: throws Error{no_space} for a volume of such a size, and for `content`
/// of it, in bytes, that the pool could not hold if it were empty.
void check_claims(const ThinPool& pool, uint64_t volume_size, uint64_t content);

/// What new content of so many bytes takes at the very least: whole chunks, and mappings packed as
/// densely as they can be. How much more it is depends on where the content lies.
[[nodiscard]] PoolRoom least_need(uint64_t bytes, uint64_t chunk_size);

/// Throws Error{no_space} when the active pool has not at least this room above the reserve.
void check_pool_room(const VolumeName& pool, uint64_t chunk_size, uint64_t bytes,
                     PoolReserve reserve);

/// Passes everything on to a sink in the pool, and asks the pool for its fill before half of its
/// room can be used up, and ten times a second, because others use it too: a full pool would stop
/// every volume in it, and writes would hang. Throws Error{no_space} before it goes below the
/// reserve.
class PoolGuard final : public VolumeSink {
 public:
  PoolGuard(BlockSink& sink, const VolumeName& pool, const ThinFacts& thin, PoolReserve reserve);

  /// The same, of a pool that `status` tells of.
  using Status = std::function<ThinPoolStatus()>;
  PoolGuard(BlockSink& sink, VolumeName pool, const ThinFacts& thin, PoolReserve reserve,
            Status status);

  void write(std::span<const Extent> extents, AlignedBytes content) override;
  /// What is freed needs no room, whatever it is; what zeros are written into does.
  void zero(Extent extent) override { sink_.zero(extent, *this); }
  void wait() override { sink_.wait(); }
  void sync() override { sink_.sync(); }

 private:
  /// Before what may use so many new chunks.
  void charge(uint64_t chunks);

  BlockSink& sink_;
  VolumeName pool_;
  ThinFacts thin_;
  PoolReserve reserve_;
  Status status_;
  uint64_t allowance_ = 0;  // chunks that may be used before the pool is asked again
  std::chrono::steady_clock::time_point asked_;
};

}  // namespace bsr
