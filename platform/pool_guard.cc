#include "platform/pool_guard.h"

#include <algorithm>

#include "base/error.h"
#include "base/units.h"
#include "platform/clock.h"

namespace bsr {
namespace {

constexpr uint64_t kMetadataBlock = 4096;
constexpr uint64_t kLeastMetadataReserve = 32;  // blocks: what the pool itself needs to stay usable
constexpr uint64_t kLeastDataReserve = 2;       // chunks
constexpr uint64_t kMappingsPerBlock = 252;     // in a leaf of the mapping tree (thin_btree.h)
// A new chunk changes one leaf, which is copied when it is shared; what that changes above it and
// in the space maps is shared by many chunks.
constexpr uint64_t kBlocksPerChunk = 2;
constexpr uint64_t kMaxAllowance = 64ULL << 20;  // bytes
constexpr std::chrono::milliseconds kGoodFor{100};

uint64_t above(uint64_t total, uint64_t used, unsigned percent, uint64_t least) {
  const uint64_t reserve = std::max(total * percent / 100, least);  // blocks: far below 2^57
  const uint64_t taken = std::min(total, used) + std::min(total, reserve);
  return total - std::min(total, taken);
}

/// The whole chunks that hold so many bytes from a chunk's begin.
uint64_t chunks_for(uint64_t bytes, uint64_t chunk_size) {
  return bytes / chunk_size + (bytes % chunk_size != 0 ? 1 : 0);
}

PoolGuard::Status kernel_status(const VolumeName& pool) {
  return [device = pool_device(pool)] { return thin_pool_status(device); };
}

PoolRoom room(const VolumeName& pool, PoolReserve reserve, const PoolGuard::Status& ask) {
  const ThinPoolStatus status = ask();
  if (status.mode == ThinPoolStatus::Mode::failed || status.mode == ThinPoolStatus::Mode::read_only)
    fail(ErrorKind::failed, "pool {}: is not writable; see `dmsetup status {}` and lvmthin(7)",
         to_string(pool), pool_device(pool));
  return room_above(reserve, status);
}

[[noreturn]] void fail_data(const VolumeName& pool, uint64_t need, uint64_t have,
                            uint64_t chunk_size, PoolReserve reserve) {
  fail(ErrorKind::no_space,
       "pool {}: needs room for {} of data, and has {} above its reserve of {} %; extend it "
       "(lvextend -L +SIZE {}), remove volumes, or give another --reserve",
       to_string(pool), human_bytes(need * chunk_size), human_bytes(have * chunk_size),
       reserve.percent, to_string(pool));
}

[[noreturn]] void fail_metadata(const VolumeName& pool, uint64_t need, uint64_t have,
                                PoolReserve reserve) {
  fail(ErrorKind::no_space,
       "pool {}: needs room for {} of metadata, and has {} above its reserve of {} %; extend it "
       "(lvextend --poolmetadatasize +SIZE {}), or give another --reserve",
       to_string(pool), human_bytes(need * kMetadataBlock), human_bytes(have * kMetadataBlock),
       reserve.percent, to_string(pool));
}

}  // namespace

PoolRoom room_above(PoolReserve reserve, const ThinPoolStatus& status) {
  return {
      above(status.total_data, status.used_data, reserve.percent, kLeastDataReserve),
      above(status.total_metadata, status.used_metadata, reserve.percent, kLeastMetadataReserve)};
}

void check_claims(const ThinPool& pool, uint64_t volume_size, uint64_t content) {
  if (volume_size / kMostOverProvisioned > pool.size)
    fail(ErrorKind::no_space,
         "the volume has {}, more than {} times the {} of pool {}; if that is meant, use a larger "
         "pool, or extend it (lvextend -L +SIZE {})",
         human_bytes(volume_size), kMostOverProvisioned, human_bytes(pool.size),
         to_string(pool.name), to_string(pool.name));
  if (content > pool.size)
    fail(ErrorKind::no_space,
         "the stream has {}, and pool {} holds {}; use a larger pool, or extend it (lvextend -L "
         "+SIZE {})",
         human_bytes(content), to_string(pool.name), human_bytes(pool.size), to_string(pool.name));
}

PoolRoom least_need(uint64_t bytes, uint64_t chunk_size) {
  const uint64_t chunks = chunks_for(bytes, chunk_size);
  return {chunks, (chunks + kMappingsPerBlock - 1) / kMappingsPerBlock};
}

void check_pool_room(const VolumeName& pool, uint64_t chunk_size, uint64_t bytes,
                     PoolReserve reserve) {
  const PoolRoom have = room(pool, reserve, kernel_status(pool));
  const PoolRoom need = least_need(bytes, chunk_size);
  if (need.chunks > have.chunks) fail_data(pool, need.chunks, have.chunks, chunk_size, reserve);
  if (need.metadata_blocks > have.metadata_blocks)
    fail_metadata(pool, need.metadata_blocks, have.metadata_blocks, reserve);
}

PoolGuard::PoolGuard(BlockSink& sink, const VolumeName& pool, const ThinFacts& thin,
                     PoolReserve reserve)
    : PoolGuard(sink, pool, thin, reserve, kernel_status(pool)) {}

PoolGuard::PoolGuard(BlockSink& sink, VolumeName pool, const ThinFacts& thin, PoolReserve reserve,
                     Status status)
    : sink_(sink),
      pool_(std::move(pool)),
      thin_(thin),
      reserve_(reserve),
      status_(std::move(status)) {}

void PoolGuard::charge(uint64_t chunks) {
  // Others use the pool too, so an answer is not good for long.
  if (chunks > allowance_ || steady_now() - asked_ >= kGoodFor) {
    sink_.wait();  // what is on its way does not count there yet
    asked_ = steady_now();
    const PoolRoom have = room(pool_, reserve_, status_);
    if (chunks > have.chunks) fail_data(pool_, chunks, have.chunks, thin_.chunk_size, reserve_);
    if (chunks * kBlocksPerChunk > have.metadata_blocks)
      fail_metadata(pool_, chunks * kBlocksPerChunk, have.metadata_blocks, reserve_);
    const uint64_t available = std::min(have.chunks, have.metadata_blocks / kBlocksPerChunk);
    allowance_ = std::max(std::min(available / 2, kMaxAllowance / thin_.chunk_size), chunks);
  }
  allowance_ -= chunks;
}

void PoolGuard::write(std::span<const Extent> extents, AlignedBytes content) {
  uint64_t chunks = 0;
  uint64_t counted = 0;  // chunks below this one
  for (const Extent& extent : extents) {
    const uint64_t first = std::max(extent.offset / thin_.chunk_size, counted);
    counted = chunks_for(extent.end(), thin_.chunk_size);
    chunks += counted - first;
  }
  charge(chunks);
  sink_.write(extents, std::move(content));
}

}  // namespace bsr
