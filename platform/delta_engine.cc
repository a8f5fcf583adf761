// The native engine, what it adds to the other one, and the one that compares both.
#include "platform/delta_engine.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/error.h"
#include "formats/delta_filters.h"
#include "formats/merged_delta.h"
#include "formats/thin_tree_delta.h"
#include "platform/metadata_file.h"
#include "platform/thin_tools_delta.h"

namespace bsr {
namespace {

/// What open_delta() is asked.
struct Question {
  const MappingPlace& place;
  std::optional<uint64_t> base_thin_id;
  uint64_t target_thin_id;
  uint64_t chunk_size;
  uint64_t base_size;
  uint64_t target_size;
};

std::unique_ptr<DeltaSource> clipped(std::unique_ptr<DeltaSource> source, uint64_t begin,
                                     uint64_t end) {
  return std::make_unique<ClippedDelta>(std::move(source), begin, end);
}

/// With `own` the walks go on to the ends of the trees: a mapping behind the end of a volume, which
/// was made when that was larger, counts in its state.
std::unique_ptr<DeltaSource> compare_trees(const ThinMetadata& metadata, const Question& asked,
                                           OwnOfBoth* own) {
  const uint64_t size = asked.target_size;
  const auto end = [own](uint64_t needed) { return own == nullptr ? needed : UINT64_MAX; };
  if (!asked.base_thin_id)
    return clipped(full_tree_delta(metadata, asked.target_thin_id, 0, end(size), own), 0, size);

  const uint64_t base = *asked.base_thin_id;
  const uint64_t target = asked.target_thin_id;
  const uint64_t base_size = asked.base_size;
  if (base_size >= size)
    return clipped(tree_delta(metadata, base, target, 0, end(size), own), 0, size);

  // Own mappings are noted in order, so the second walk begins when the first has come to its end.
  const auto behind_base = [&metadata, base, target, base_size, size, own] {
    return clipped(own == nullptr
                       ? full_tree_delta(metadata, target, base_size, size)
                       : target_tree_delta(metadata, base, target, base_size, UINT64_MAX, *own),
                   base_size, size);
  };
  return std::make_unique<ChainedDelta>(
      clipped(tree_delta(metadata, base, target, 0, base_size, own), 0, base_size), behind_base);
}

/// Without a base nothing is shared: then it is only for the state.
std::unique_ptr<DeltaSource> shared_own(const ThinMetadata& metadata, const Question& asked,
                                        OwnOfBoth& own) {
  if (!asked.base_thin_id)
    return clipped(full_tree_delta(metadata, asked.target_thin_id, 0, UINT64_MAX, &own), 0, 0);
  return clipped(
      shared_own_delta(metadata, *asked.base_thin_id, asked.target_thin_id, 0, UINT64_MAX, own), 0,
      std::min(asked.base_size, asked.target_size));
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

/// A walk of ours. Names the metadata in errors, and owns it if it had to open it.
class NativeWalk final : public DeltaSource {
 public:
  using Make = std::function<std::unique_ptr<DeltaSource>(const ThinMetadata& metadata)>;

  NativeWalk(const MappingPlace& place, const Make& make) try : path_(place.metadata_path) {
    if (place.opened == nullptr) opened_.emplace(place);
    source_ = make(opened_ ? opened_->metadata : *place.opened);
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
  std::optional<OpenMetadata> opened_;
  std::unique_ptr<DeltaSource> source_;
};

/// What a walk yields of a question.
enum class Part {
  all,
  shared_own,  ///< what another engine does not yield, because the two devices share it
};

/// Fills in the states when its source has come to its end.
class NativeDelta final : public DeltaSource {
 public:
  NativeDelta(const Question& asked, Part part, SourceStates* states)
      : states_(states), walk_(asked.place, [&](const ThinMetadata& metadata) {
          if (metadata.chunk_size() != asked.chunk_size)
            fail(ErrorKind::corrupt, "it says chunks of {} bytes, not {}", metadata.chunk_size(),
                 asked.chunk_size);
          if (states != nullptr || part == Part::shared_own)
            own_.emplace(metadata, asked.base_thin_id, asked.target_thin_id);
          return part == Part::all ? compare_trees(metadata, asked, own_ ? &*own_ : nullptr)
                                   : shared_own(metadata, asked, *own_);
        }) {}

  std::optional<DeltaExtent> next() override {
    std::optional<DeltaExtent> found = walk_.next();
    if (!found && states_ != nullptr) {
      if (own_->base) states_->base = own_->base->finish();
      states_->target = own_->target.finish();
      states_ = nullptr;
    }
    return found;
  }

 private:
  SourceStates* states_;  // null once they are filled in
  std::optional<OwnOfBoth> own_;
  NativeWalk walk_;
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
                                        SourceStates* states) {
  const Question asked = {
      place, base_thin_id, target_thin_id, chunk_size, base_thin_id ? base_size : 0, target_size};
  const auto thin_tools = [&](SourceStates* filled) -> std::unique_ptr<DeltaSource> {
    auto theirs = std::make_unique<ThinToolsDelta>(place, base_thin_id, target_thin_id, chunk_size,
                                                   base_size, target_size);
    if (states == nullptr) return theirs;
    return std::make_unique<JoinedDelta>(
        std::move(theirs), std::make_unique<NativeDelta>(asked, Part::shared_own, filled));
  };
  switch (engine) {
    case DeltaEngine::thin_tools:
      return thin_tools(states);
    case DeltaEngine::native:
      return std::make_unique<NativeDelta>(asked, Part::all, states);
    case DeltaEngine::check:
      return std::make_unique<CheckedDelta>(std::make_unique<NativeDelta>(asked, Part::all, states),
                                            thin_tools(nullptr));
  }
  fail(ErrorKind::failed, "no such delta engine");
}

std::unique_ptr<DeltaSource> open_own_mappings(const MappingPlace& place, uint64_t thin_id,
                                               uint64_t end) {
  return std::make_unique<NativeWalk>(place, [&](const ThinMetadata& metadata) {
    return clipped(own_mappings(metadata, thin_id, 0, end), 0, end);
  });
}

}  // namespace bsr
