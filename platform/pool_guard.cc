#include "platform/pool_guard.h"

#include <algorithm>

#include "base/error.h"
#include "base/units.h"
#include "platform/device_mapper.h"

namespace bsr {
namespace {

constexpr uint64_t kMetadataReserve =
    32;                               // blocks of 4 KiB: what the pool itself needs to stay usable
constexpr uint64_t kDataReserve = 2;  // chunks
constexpr uint64_t kMaxAllowance = 64ULL << 20;  // bytes

/// Bytes of new chunks that the pool can take. Throws when it can take none.
uint64_t room(const VolumeName& pool, uint64_t chunk_size) {
  const ThinPoolStatus status = thin_pool_status(pool_device(pool));
  if (status.mode == ThinPoolStatus::Mode::failed || status.mode == ThinPoolStatus::Mode::read_only)
    fail(ErrorKind::failed, "pool {}: is not writable; see `dmsetup status {}` and lvmthin(7)",
         to_string(pool), pool_device(pool));
  const uint64_t free_metadata =
      status.total_metadata - std::min(status.total_metadata, status.used_metadata);
  const uint64_t free_data = status.total_data - std::min(status.total_data, status.used_data);
  if (free_metadata < kMetadataReserve)
    fail(ErrorKind::no_space,
         "pool {}: its metadata is full but for {}; extend it (lvextend --poolmetadatasize +SIZE "
         "{}) and start again",
         to_string(pool), human_bytes(free_metadata * 4096), to_string(pool));
  if (free_data <= kDataReserve)
    fail(ErrorKind::no_space,
         "pool {}: its data is full but for {}; extend it (lvextend -L +SIZE {}) or remove "
         "volumes, and start again",
         to_string(pool), human_bytes(free_data * chunk_size), to_string(pool));
  return (free_data - kDataReserve) * chunk_size;
}

}  // namespace

void check_pool_room(const VolumeName& pool, uint64_t chunk_size, uint64_t bytes) {
  const uint64_t available = room(pool, chunk_size);
  if (bytes > available)
    fail(ErrorKind::no_space,
         "pool {}: has room for {}, the stream brings {}; extend it (lvextend -L +SIZE {}) or "
         "remove volumes",
         to_string(pool), human_bytes(available), human_bytes(bytes), to_string(pool));
}

PoolGuard::PoolGuard(VolumeSink& sink, VolumeName pool, uint64_t chunk_size)
    : sink_(sink), pool_(std::move(pool)), chunk_size_(chunk_size) {}

void PoolGuard::charge(uint64_t bytes) {
  if (bytes > allowance_) {
    const uint64_t available = room(pool_, chunk_size_);
    allowance_ = std::max(std::min(available / 2, kMaxAllowance), bytes);
    if (bytes > available)
      fail(ErrorKind::no_space,
           "pool {}: is full; extend it (lvextend -L +SIZE {}) or remove volumes, and start again",
           to_string(pool_), to_string(pool_));
  }
  allowance_ -= bytes;
}

void PoolGuard::write(uint64_t offset, ByteView bytes) {
  // The most chunks that these bytes can touch.
  const uint64_t first = offset / chunk_size_;
  const uint64_t last = (offset + bytes.size() + chunk_size_ - 1) / chunk_size_;
  charge((last - first) * chunk_size_);
  sink_.write(offset, bytes);
}

void PoolGuard::zero(Extent extent) {
  // Whole chunks are discarded, which frees; zeros written into part of a shared chunk copy it.
  const uint64_t edges =
      (extent.offset % chunk_size_ != 0 ? 1U : 0U) + (extent.end() % chunk_size_ != 0 ? 1U : 0U);
  charge(edges * chunk_size_);
  sink_.zero(extent);
}

}  // namespace bsr
