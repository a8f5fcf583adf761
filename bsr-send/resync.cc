#include "bsr-send/resync.h"

#include "base/error.h"
#include "base/sector.h"
#include "platform/spool.h"

namespace bsr {
namespace {

/// What turns the volume of one map into that of another, in whole leaves.
class MapDelta final : public DeltaSource {
 public:
  MapDelta(const ContentMap& from, const ContentMap& to)
      : from_(from), to_(to), size_(to.volume_size()) {}

  std::optional<DeltaExtent> next() override {
    for (; leaf_ < leaf_count(size_); ++leaf_) {
      const Digest old = from_.at(leaf_);
      const Digest now = to_.at(leaf_);
      if (now == old) continue;  // zeros too: behind the end of a base everything is zero
      return DeltaExtent{leaf_extent(leaf_++, size_),
                         is_zero_digest(now) ? DeltaKind::unmap : DeltaKind::data};
    }
    return std::nullopt;
  }

 private:
  ContentMap::Reader from_;
  ContentMap::Reader to_;
  uint64_t size_;
  uint64_t leaf_ = 0;
};

}  // namespace

Resync plan_resync(SendSource& source, SentContent& content, Plan& mapped,
                   const std::string& map_path) {
  const ContentMap there = open_content_map(map_path);
  if (there.volume_size() % kSectorSize != 0)
    fail(ErrorKind::usage,
         "--against {}: is of {} bytes, which are not whole sectors; no stream "
         "applies to that",
         map_path, there.volume_size());
  Resync resync;
  resync.base_id = content_identity(there.root());
  resync.base_size = there.volume_size();

  const uint64_t size = source.describe().volume_size;
  UniqueFd file = temporary_file();
  ContentMapWriter writer(file.get());
  resync.content = content.compute(mapped, *source.open(),
                                   {.on_leaf = [&](const Digest& leaf) { writer.add(leaf); },
                                    .on_zeros = [&](uint64_t count) { writer.add_zeros(count); }});
  writer.finish({size, resync.content.root});
  const ContentMap here(std::move(file), "temporary file");

  MapDelta delta(there, here);
  resync.plan = std::make_unique<Plan>(delta, source.describe().chunk_size);
  return resync;
}

}  // namespace bsr
