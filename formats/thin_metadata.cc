// Decodes the superblock, the device details and the mappings.
#include "formats/thin_metadata.h"

#include "base/error.h"
#include "base/sector.h"

namespace bsr {
namespace {

constexpr uint64_t kSuperblockLocation = 0;
constexpr uint64_t kSuperblockMagic = 27022010;
constexpr uint32_t kNewestVersion = 2;

// Offsets in the superblock.
constexpr size_t kMagicOffset = 32;
constexpr size_t kVersionOffset = 40;
constexpr size_t kTransactionOffset = 48;
constexpr size_t kHeldRootOffset = 56;
constexpr size_t kDataSpaceMapOffset = 64;  // begins with the number of data blocks
constexpr size_t kMappingRootOffset = 320;
constexpr size_t kDetailsRootOffset = 328;
constexpr size_t kDataBlockSizeOffset = 336;
constexpr size_t kMetadataBlockSizeOffset = 340;
constexpr size_t kIncompatOffset = 360;

constexpr uint64_t kMinChunkSize = uint64_t{64} << 10;
constexpr uint64_t kMaxChunkSize = uint64_t{1} << 30;
constexpr uint64_t kMaxDeviceSize = uint64_t{1} << 63;  // bytes; also of the pool's data device
constexpr uint64_t kMaxThinId = (uint64_t{1} << 24) - 1;

constexpr uint32_t kRootSize = 8;      // bytes of a value in the tree of mapping trees
constexpr uint32_t kMappingSize = 8;   // data block << 24 | time
constexpr uint32_t kDetailsSize = 24;  // mapped u64, transaction u64, created u32, snapshotted u32
constexpr unsigned kTimeBits = 24;

using Superblock = std::array<std::byte, kMetadataBlockSize>;

Superblock load_superblock(MetadataBlocks& blocks, uint64_t location) {
  Superblock bytes;
  read_metadata_block(blocks, location, kSuperblockChecksumSalt, bytes);
  if (const auto magic = load_le<uint64_t>(bytes, kMagicOffset); magic != kSuperblockMagic)
    fail(ErrorKind::corrupt, "metadata block {}: magic {} instead of {}", location, magic,
         kSuperblockMagic);
  if (const auto version = load_le<uint32_t>(bytes, kVersionOffset);
      version == 0 || version > kNewestVersion)
    fail(ErrorKind::unsupported, "metadata block {}: version {} is unknown", location, version);
  if (const auto features = load_le<uint32_t>(bytes, kIncompatOffset); features != 0)
    fail(ErrorKind::unsupported, "metadata block {}: unknown features {:#x}", location, features);
  const auto block_size = load_le<uint32_t>(bytes, kMetadataBlockSizeOffset);
  // Sectors; some versions of thin_restore wrote bytes, and the kernel does not look.
  if (block_size != kMetadataBlockSize / kSectorSize && block_size != kMetadataBlockSize)
    fail(ErrorKind::corrupt, "metadata block {}: metadata blocks of {} sectors", location,
         block_size);
  return bytes;
}

/// The kernel writes it with every commit. A read in the middle of that is no damage: then another
/// look shows it whole.
Superblock load_current_superblock(MetadataBlocks& blocks) try {
  return load_superblock(blocks, kSuperblockLocation);
} catch (const Error& error) {
  if (error.kind() != ErrorKind::corrupt) throw;
  blocks.forget(kSuperblockLocation);
  return load_superblock(blocks, kSuperblockLocation);
}

ThinDevice decode_details(const BTreeCursor& cursor) {
  if (cursor.key() > kMaxThinId)
    fail(ErrorKind::corrupt, "metadata block {}: thin id {} has over 24 bits", cursor.block(),
         cursor.key());
  const ByteView value = cursor.value();
  return {.thin_id = cursor.key(),
          .mapped_blocks = load_le<uint64_t>(value, 0),
          .transaction_id = load_le<uint64_t>(value, 8),
          .creation_time = load_le<uint32_t>(value, 16),
          .snapshotted_time = load_le<uint32_t>(value, 20)};
}

/// Puts the cursor on the value of `key`. False: the tree does not have it.
bool find(BTreeCursor& cursor, uint64_t key) {
  cursor.seek(key);
  return cursor.to_value() && cursor.key() == key;
}

}  // namespace

ThinMetadata::ThinMetadata(MetadataBlocks& blocks, MetadataState state) : blocks_(blocks) {
  read_superblock(state);
}

void ThinMetadata::read_superblock(MetadataState state) {
  Superblock bytes = load_current_superblock(blocks_);
  // The copy in the metadata snapshot has no space maps. Pools never shrink, so the current number
  // bounds both.
  data_blocks_ = load_le<uint64_t>(bytes, kDataSpaceMapOffset);
  uint64_t location = kSuperblockLocation;
  if (state == MetadataState::snapshot) {
    location = load_le<uint64_t>(bytes, kHeldRootOffset);
    if (location == 0) fail(ErrorKind::failed, "the pool has no metadata snapshot");
    bytes = load_superblock(blocks_, location);
  }

  chunk_size_ = kSectorSize * load_le<uint32_t>(bytes, kDataBlockSizeOffset);
  if (chunk_size_ < kMinChunkSize || chunk_size_ > kMaxChunkSize ||
      chunk_size_ % kMinChunkSize != 0)
    fail(ErrorKind::corrupt, "metadata block {}: chunks of {} bytes", location, chunk_size_);
  if (data_blocks_ > kMaxDeviceSize / chunk_size_)
    fail(ErrorKind::corrupt, "metadata block 0: a pool of {} chunks of {} bytes", data_blocks_,
         chunk_size_);
  transaction_id_ = load_le<uint64_t>(bytes, kTransactionOffset);
  mapping_root_ = load_le<uint64_t>(bytes, kMappingRootOffset);
  details_root_ = load_le<uint64_t>(bytes, kDetailsRootOffset);
}

std::vector<ThinDevice> ThinMetadata::devices() const {
  std::vector<ThinDevice> devices;
  for (BTreeCursor cursor(blocks_, details_root_, kDetailsSize); cursor.to_value(); cursor.skip())
    devices.push_back(decode_details(cursor));
  return devices;
}

std::optional<ThinDevice> ThinMetadata::device(uint64_t thin_id) const {
  BTreeCursor cursor(blocks_, details_root_, kDetailsSize);
  if (!find(cursor, thin_id)) return std::nullopt;
  return decode_details(cursor);
}

uint64_t ThinMetadata::mapping_root(uint64_t thin_id) const {
  const bool has_details = device(thin_id).has_value();
  BTreeCursor cursor(blocks_, mapping_root_, kRootSize);
  const bool has_mappings = find(cursor, thin_id);
  if (has_details != has_mappings)
    fail(ErrorKind::corrupt, "thin device {} has {}, at metadata block {}", thin_id,
         has_details ? "details but no mappings" : "mappings but no details",
         has_details ? mapping_root_ : details_root_);
  if (!has_mappings) fail(ErrorKind::failed, "the pool has no thin device {}", thin_id);
  return load_le<uint64_t>(cursor.value(), 0);
}

uint64_t ThinMetadata::mapped_end(uint64_t thin_id) const {
  MappingCursor cursor(*this, thin_id);
  if (!cursor.tree().to_last_value()) return 0;
  return (cursor.mapping().thin_block + 1) * chunk_size_;
}

MappingCursor::MappingCursor(const ThinMetadata& metadata, uint64_t thin_id)
    : tree_(metadata.blocks(), metadata.mapping_root(thin_id), kMappingSize),
      thin_blocks_(kMaxDeviceSize / metadata.chunk_size()),
      data_blocks_(metadata.data_blocks()) {}

std::optional<ThinMapping> MappingCursor::next() {
  if (!tree_.to_value()) return std::nullopt;
  const ThinMapping found = mapping();
  tree_.skip();
  return found;
}

uint32_t MappingCursor::time() const {
  return load_le<uint64_t>(tree_.value(), 0) & ((1U << kTimeBits) - 1);
}

ThinMapping MappingCursor::mapping() const {
  const ThinMapping found{tree_.key(), load_le<uint64_t>(tree_.value(), 0) >> kTimeBits};
  if (found.thin_block >= thin_blocks_)
    fail(ErrorKind::corrupt, "metadata block {}: thin block {} lies outside of any device",
         tree_.block(), found.thin_block);
  if (found.data_block >= data_blocks_)
    fail(ErrorKind::corrupt,
         "metadata block {}: thin block {} is mapped to data block {} of a pool of {}",
         tree_.block(), found.thin_block, found.data_block, data_blocks_);
  return found;
}

}  // namespace bsr
