// The native engine, and the one that compares both.
#include "platform/delta_engine.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "formats/delta_filters.h"
#include "formats/merged_delta.h"
#include "formats/thin_tree_delta.h"
#include "platform/metadata_file.h"
#include "platform/thin_tools_delta.h"

namespace bsr {
namespace {

std::unique_ptr<DeltaSource> compare_trees(const ThinMetadata& metadata,
                                           std::optional<uint64_t> base_thin_id,
                                           uint64_t target_thin_id, uint64_t base_size,
                                           uint64_t target_size, bool* base_stood_still) {
  const uint64_t base_end = base_thin_id ? base_size : 0;
  auto behind_base = std::make_unique<ClippedDelta>(
      full_tree_delta(metadata, target_thin_id, base_end, target_size), base_end, target_size);
  if (!base_thin_id) return behind_base;

  const uint64_t common_end = std::min(base_size, target_size);
  auto in_base = std::make_unique<ClippedDelta>(
      tree_delta(metadata, *base_thin_id, target_thin_id, 0, common_end, base_stood_still), 0,
      common_end);
  return std::make_unique<ChainedDelta>(std::move(in_base), std::move(behind_base));
}

/// Thin metadata in a file, for as long as it is read.
struct OpenMetadata {
  explicit OpenMetadata(const MappingPlace& place)
      : blocks(place.metadata_path),
        metadata(blocks,
                 place.metadata_snapshot ? MetadataState::snapshot : MetadataState::current) {}

  MetadataFile blocks;
  ThinMetadata metadata;
};

/// Names the metadata in errors, and owns it if it had to open it.
class NativeDelta final : public DeltaSource {
 public:
  NativeDelta(const MappingPlace& place, std::optional<uint64_t> base_thin_id,
              uint64_t target_thin_id, uint64_t chunk_size, uint64_t base_size,
              uint64_t target_size, bool* base_stood_still) try
      : path_(place.metadata_path) {
    if (place.opened == nullptr) own_.emplace(place);
    const ThinMetadata& metadata = own_ ? own_->metadata : *place.opened;
    if (metadata.chunk_size() != chunk_size)
      fail(ErrorKind::corrupt, "it says chunks of {} bytes, not {}", metadata.chunk_size(),
           chunk_size);
    source_ = compare_trees(metadata, base_thin_id, target_thin_id, base_size, target_size,
                            base_stood_still);
  } catch (Error& error) {
    error.while_doing("thin metadata in " + place.metadata_path);
    throw;
  }

  std::optional<DeltaExtent> next() override try { return source_->next(); } catch (Error& error) {
    error.while_doing("thin metadata in " + path_);
    throw;
  }

 private:
  std::string path_;
  std::optional<OpenMetadata> own_;
  std::unique_ptr<DeltaSource> source_;
};

std::string text(const std::optional<DeltaExtent>& found) {
  if (!found) return "the end";
  return fmt::format("{} from byte {} to {}", found->kind == DeltaKind::data ? "data" : "unmap",
                     found->extent.offset, found->extent.end());
}

/// Yields what two engines agree on.
class CheckedDelta final : public DeltaSource {
 public:
  CheckedDelta(std::unique_ptr<DeltaSource> native, std::unique_ptr<DeltaSource> thin_tools)
      : native_(std::move(native)),
        thin_tools_(std::move(thin_tools)),
        merged_native_(*native_),
        merged_thin_tools_(*thin_tools_) {}

  std::optional<DeltaExtent> next() override {
    const auto ours = merged_native_.next();
    const auto theirs = merged_thin_tools_.next();
    if (ours != theirs)
      fail(ErrorKind::verify, "the delta engines differ: native has {}, thin-tools has {}",
           text(ours), text(theirs));
    return ours;
  }

 private:
  std::unique_ptr<DeltaSource> native_;
  std::unique_ptr<DeltaSource> thin_tools_;
  MergedDelta merged_native_;
  MergedDelta merged_thin_tools_;
};

}  // namespace

std::unique_ptr<DeltaSource> open_delta(DeltaEngine engine, const MappingPlace& place,
                                        std::optional<uint64_t> base_thin_id,
                                        uint64_t target_thin_id, uint64_t chunk_size,
                                        uint64_t base_size, uint64_t target_size,
                                        bool* base_stood_still) {
  if (base_stood_still != nullptr) *base_stood_still = false;
  const auto native = [&] {
    return std::make_unique<NativeDelta>(place, base_thin_id, target_thin_id, chunk_size, base_size,
                                         target_size, base_stood_still);
  };
  const auto thin_tools = [&] {
    return std::make_unique<ThinToolsDelta>(place, base_thin_id, target_thin_id, chunk_size,
                                            base_size, target_size);
  };
  switch (engine) {
    case DeltaEngine::thin_tools:
      return thin_tools();
    case DeltaEngine::native:
      return native();
    case DeltaEngine::check:
      return std::make_unique<CheckedDelta>(native(), thin_tools());
  }
  fail(ErrorKind::failed, "no such delta engine");
}

}  // namespace bsr
