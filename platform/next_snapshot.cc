#include "platform/next_snapshot.h"

#include <algorithm>

#include "base/error.h"
#include "formats/thin_metadata.h"
#include "platform/metadata_file.h"
#include "platform/thin_pool.h"

namespace bsr {
namespace {

// LVM wants so much metadata to be free: a quarter, or 4 MiB where that is less.
constexpr uint64_t kMetadataShare = 4;
constexpr uint64_t kMetadataBlocks = 1024;

std::vector<uint64_t> thin_ids(const ThinPool& pool) {
  MetadataSnapshot frozen(pool);
  MetadataFile blocks(metadata_path(pool.name));
  std::vector<uint64_t> ids;
  for (const ThinDevice& device : ThinMetadata(blocks, MetadataState::snapshot).devices())
    ids.push_back(device.thin_id);
  frozen.release();
  return ids;
}

}  // namespace

void check_rule(const VolumeName& pool, const SnapshotRule& rule, const ThinPoolStatus& status,
                const PoolRoom& more) {
  const std::string name = to_string(pool);
  if (status.transaction_id != rule.transaction_id && !rule.is_queued)
    fail(ErrorKind::failed,
         "pool {}: its own metadata is of transaction {} and LVM's of {}, so LVM makes no snapshot "
         "in it and what is received could not be committed. One of the two is older: if both know "
         "the same thin devices all the same (`lvs -o name,thin_id {}`, thin_dump), say so to the "
         "pool (dmsetup message {} 0 'set_transaction_id {} {}'); else see lvmthin(7), or receive "
         "into another pool",
         name, status.transaction_id, rule.transaction_id, pool.vg, pool_device(pool),
         status.transaction_id, rule.transaction_id);
  if (status.needs_check)
    fail(ErrorKind::failed,
         "pool {}: its metadata needs a check, so LVM makes no snapshot in it; deactivate all of "
         "its volumes and activate them again, which runs thin_check, or see lvmthin(7)",
         name);
  const uint64_t data = status.used_data + more.chunks;
  const uint64_t metadata = status.used_metadata + more.metadata_blocks;
  const auto is_above = [&](uint64_t used, uint64_t total) {
    return total > 0 && used * 100 > rule.autoextend_threshold * total;
  };
  if (is_above(data, status.total_data) || is_above(metadata, status.total_metadata))
    fail(ErrorKind::no_space,
         "pool {}: would be {} % full with data and {} % with metadata, and above {} % "
         "(activation/thin_pool_autoextend_threshold of lvm.conf) LVM makes no snapshot in it, so "
         "it could not be committed; extend the pool (lvextend -L +SIZE {}, lvextend "
         "--poolmetadatasize +SIZE {}), remove volumes, or raise the threshold",
         name, data * 100 / status.total_data, metadata * 100 / status.total_metadata,
         rule.autoextend_threshold, name, name);
  const uint64_t least_free = std::min(status.total_metadata / kMetadataShare, kMetadataBlocks);
  if (metadata + least_free >= status.total_metadata)
    fail(ErrorKind::no_space,
         "pool {}: {} % of its metadata would be used, and LVM makes no snapshot in it without a "
         "quarter or 4 MiB of it free, so it could not be committed; extend it (lvextend "
         "--poolmetadatasize +SIZE {})",
         name, metadata * 100 / status.total_metadata, name);
}

void check_next_thin_id(const VolumeName& pool, const std::vector<LogicalVolume>& volumes,
                        const std::vector<uint64_t>& taken) {
  uint64_t next = 1;
  for (const LogicalVolume& volume : volumes)
    if (volume.pool == pool.lv && volume.thin_id) next = std::max(next, *volume.thin_id + 1);
  if (std::ranges::find(taken, next) == taken.end()) return;
  fail(ErrorKind::failed,
       "pool {}: has a thin device {} that no volume of LVM's is, left by a crash or made by "
       "another tool, and the next snapshot would get its number, so what is received could not be "
       "committed; if nobody needs it, delete it (dmsetup message {} 0 'delete {}'), with the pool "
       "active (lvchange -ay {})",
       to_string(pool), next, pool_device(pool), next, to_string(pool));
}

void check_next_snapshot(const Lvm& lvm, const VolumeName& pool,
                         const std::vector<LogicalVolume>& volumes, uint64_t bytes) {
  const ThinPool known = lvm.thin_pool(pool);
  const ThinPoolStatus status = thin_pool_status(pool_device(pool));
  // What LVM could not tell the pool it tells it before it makes the next volume (libdm-deptree.c,
  // _node_send_messages).
  const bool is_queued =
      status.transaction_id + 1 == known.transaction_id && lvm.has_queued_messages(pool);
  check_rule(pool,
             {.transaction_id = known.transaction_id,
              .autoextend_threshold = lvm.autoextend_threshold(),
              .is_queued = is_queued},
             status, least_need(bytes, known.chunk_size));
  check_next_thin_id(pool, volumes, thin_ids(known));
}

}  // namespace bsr
