// Any blocks as thin metadata: an Error{corrupt}, {unsupported} or {failed}, or answers that agree
// with each other, after a number of reads that the number of blocks bounds. An input is up to 64
// blocks; one more byte at its end says that places and checksums are to be put right first, so
// that what lies behind these checks is reached.
#include <cstdint>
#include <cstdlib>
#include <functional>
#include <map>
#include <optional>
#include <vector>

#include "base/error.h"
#include "formats/thin_metadata.h"
#include "formats/thin_tree_delta.h"
#include "tests/fakes/thin_metadata_image.h"

namespace {

using Mappings = std::map<uint64_t, uint64_t>;  // thin block to data block

constexpr size_t kMaxBlocks = 64;

void require(bool holds) {
  if (!holds) std::abort();
}

void put_right(bsr::ThinMetadataImage& image) {
  if (image.count() == 0) return;
  const auto held_root = bsr::load_le<uint64_t>(image[0], 56);
  for (uint64_t block = 0; block < image.count(); ++block) {
    const bool is_superblock = block == 0 || block == held_root;
    image.patch(block, 8, block,
                is_superblock ? bsr::kSuperblockChecksumSalt : bsr::kNodeChecksumSalt);
  }
}

/// False: the metadata was refused, and in one of the ways that are allowed.
bool accepted(const std::function<void()>& call) {
  try {
    call();
    return true;
  } catch (const bsr::Error& error) {
    require(error.kind() == bsr::ErrorKind::corrupt ||
            error.kind() == bsr::ErrorKind::unsupported || error.kind() == bsr::ErrorKind::failed);
    return false;
  }
}

std::optional<Mappings> walk(const bsr::ThinMetadata& metadata, uint64_t thin_id, uint64_t from) {
  Mappings mappings;
  const auto read_all = [&] {
    bsr::MappingCursor cursor(metadata, thin_id);
    cursor.seek(from);
    uint64_t lowest = from;
    while (const auto found = cursor.next()) {
      require(found->thin_block >= lowest && found->data_block < metadata.data_blocks());
      lowest = found->thin_block + 1;
      mappings[found->thin_block] = found->data_block;
    }
  };
  if (!accepted(read_all)) return std::nullopt;
  return mappings;
}

/// Extents ascend, are not empty, and touch only where the kind changes.
std::vector<bsr::DeltaExtent> drain(bsr::DeltaSource& source) {
  std::vector<bsr::DeltaExtent> extents;
  while (const auto found = source.next()) {
    require(found->extent.length > 0);
    if (!extents.empty()) {
      const bsr::DeltaExtent& last = extents.back();
      require(found->extent.offset >= last.extent.end());
      require(found->extent.offset > last.extent.end() || found->kind != last.kind);
    }
    extents.push_back(*found);
  }
  return extents;
}

std::vector<bsr::DeltaExtent> naive_delta(const Mappings& base, const Mappings& target,
                                          uint64_t chunk_size) {
  std::map<uint64_t, bsr::DeltaKind> changes;
  for (const auto& [block, data] : base)
    if (!target.contains(block)) changes[block] = bsr::DeltaKind::unmap;
  for (const auto& [block, data] : target)
    if (!base.contains(block) || base.at(block) != data) changes[block] = bsr::DeltaKind::data;
  std::vector<bsr::DeltaExtent> extents;
  for (const auto& [block, kind] : changes) {
    const uint64_t offset = block * chunk_size;
    if (!extents.empty() && extents.back().kind == kind && extents.back().extent.end() == offset)
      extents.back().extent.length += chunk_size;
    else
      extents.push_back({{offset, chunk_size}, kind});
  }
  return extents;
}

/// What two whole walks accept, the walk over both must accept, with the same result.
void compare(const bsr::ThinMetadata& metadata, uint64_t base_id, uint64_t target_id) {
  const auto base = walk(metadata, base_id, 0);
  const auto target = walk(metadata, target_id, 0);
  std::vector<bsr::DeltaExtent> delta;
  const bool done = accepted(
      [&] { delta = drain(*bsr::tree_delta(metadata, base_id, target_id, 0, UINT64_MAX)); });
  if (!base || !target) return;
  require(done);
  require(delta == naive_delta(*base, *target, metadata.chunk_size()));
  require(drain(*bsr::full_tree_delta(metadata, target_id, 0, UINT64_MAX)) ==
          naive_delta({}, *target, metadata.chunk_size()));

  const uint64_t end = metadata.mapped_end(target_id);
  require(end == (target->empty() ? 0 : (target->rbegin()->first + 1) * metadata.chunk_size()));
  const uint64_t middle = end / metadata.chunk_size() / 2;
  require(walk(metadata, target_id, middle) ==
          Mappings(target->lower_bound(middle), target->end()));
}

void read_state(bsr::ThinMetadataImage& image, bsr::MetadataState state) {
  accepted([&] {
    const bsr::ThinMetadata metadata(image, state);
    std::vector<bsr::ThinDevice> devices = metadata.devices();
    if (devices.empty()) return;
    for (size_t i = 0; i < devices.size() && i < 2; ++i) {
      image.reads = 0;
      compare(metadata, devices[i].thin_id, devices.back().thin_id);
      // Some ten walks over one tree each, of three of them one more for each of up to 15 levels of
      // nodes, which runs ahead; and the ways down to devices.
      require(image.reads <= 64 * image.count() + 4000);
    }
  });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const size_t blocks = size / bsr::kMetadataBlockSize;
  if (blocks > kMaxBlocks) return 0;
  bsr::ThinMetadataImage image(std::as_bytes(std::span(data, blocks * bsr::kMetadataBlockSize)));
  if (size % bsr::kMetadataBlockSize != 0) put_right(image);
  read_state(image, bsr::MetadataState::current);
  read_state(image, bsr::MetadataState::snapshot);
  return 0;
}
