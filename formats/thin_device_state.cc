// Sums up a device's own mappings.
#include "formats/thin_device_state.h"

#include <algorithm>

#include "base/error.h"
#include "formats/merged_delta.h"
#include "formats/thin_tree_walk.h"

namespace bsr {
namespace {

constexpr uint64_t kLayout = 1;  // of what the state is the digest of

/// One by one.
class OwnBlocks final : public DeltaSource {
 public:
  explicit OwnBlocks(const TreePair& trees)
      : walk_(trees, 0),
        chunk_size_(trees.metadata.chunk_size()),
        own_(trees.metadata, trees.target_thin_id) {}

  std::optional<DeltaExtent> next() override {
    while (walk_.find() != TreeWalk::Turn::none) {
      const uint64_t block = walk_.target().mapping().thin_block;
      const bool is_own = own_.is_own(walk_.target().time());
      walk_.pass(TreeWalk::Turn::target);
      if (is_own) return DeltaExtent{{block * chunk_size_, chunk_size_}, DeltaKind::data};
    }
    return std::nullopt;
  }

 private:
  TreeWalk walk_;
  uint64_t chunk_size_;
  OwnMappings own_;
};

class OwnExtents final : public DeltaSource {
 public:
  explicit OwnExtents(const TreePair& trees) : blocks_(trees), merged_(blocks_) {}

  std::optional<DeltaExtent> next() override { return merged_.next(); }

 private:
  OwnBlocks blocks_;
  MergedDelta merged_;
};

ThinDevice found_device(const ThinMetadata& metadata, uint64_t thin_id) {
  const std::optional<ThinDevice> device = metadata.device(thin_id);
  if (!device) fail(ErrorKind::failed, "the pool has no thin device {}", thin_id);
  return *device;
}

}  // namespace

OwnMappings::OwnMappings(const ThinMetadata& metadata, uint64_t thin_id)
    : device_(found_device(metadata, thin_id)) {
  Bytes bytes;
  append_le(bytes, kLayout);
  append_le(bytes, device_.thin_id);
  append_le(bytes, device_.transaction_id);
  append_le(bytes, uint64_t{device_.creation_time});
  append_le(bytes, device_.mapped_blocks);
  sha_.update(bytes);
}

void OwnMappings::add(uint64_t thin_block) {
  if (thin_block < run_end_) return;
  if (thin_block > run_end_) {
    end_run();
    run_begin_ = thin_block;
  }
  run_end_ = thin_block + 1;
  ++own_blocks_;
}

void OwnMappings::end_run() {
  if (run_begin_ == run_end_) return;
  Bytes bytes;
  append_le(bytes, run_begin_);
  append_le(bytes, run_end_);
  sha_.update(bytes);
}

ThinDeviceState OwnMappings::finish() {
  end_run();
  const Digest digest = sha_.finish();
  ThinDeviceState found;
  std::copy_n(digest.begin(), found.state.size(), found.state.begin());
  found.mapped_blocks = device_.mapped_blocks;
  found.own_blocks = own_blocks_;
  return found;
}

std::unique_ptr<DeltaSource> own_mappings(const ThinMetadata& metadata, uint64_t thin_id,
                                          uint64_t begin, uint64_t end) {
  const uint64_t chunk_size = metadata.chunk_size();
  const uint64_t blocks_end = end / chunk_size + (end % chunk_size != 0 ? 1 : 0);
  return std::make_unique<OwnExtents>(TreePair{.metadata = metadata,
                                               .base_thin_id = std::nullopt,
                                               .target_thin_id = thin_id,
                                               .begin = begin / chunk_size,
                                               .end = begin < end ? blocks_end : 0});
}

ThinDeviceState device_state(const ThinMetadata& metadata, uint64_t thin_id) {
  OwnMappings own(metadata, thin_id);
  const uint64_t chunk_size = metadata.chunk_size();
  const std::unique_ptr<DeltaSource> found = own_mappings(metadata, thin_id, 0, UINT64_MAX);
  while (const std::optional<DeltaExtent> extent = found->next())
    for (uint64_t at = extent->extent.offset; at < extent->extent.end(); at += chunk_size)
      own.add(at / chunk_size);
  return own.finish();
}

}  // namespace bsr
