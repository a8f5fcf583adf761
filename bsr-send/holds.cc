#include "bsr-send/holds.h"

#include <algorithm>

#include "formats/digest.h"

namespace bsr {
namespace {

/// The next extents of a source, cut into what one frame can take.
class HeldExtents {
 public:
  explicit HeldExtents(DeltaSource& own) : own_(own) {}

  /// Empty at the end.
  std::vector<Extent> next() {
    std::vector<Extent> extents;
    uint64_t room = stream::kMaxContent;
    while (room > 0 && extents.size() < stream::kMaxExtents && fill()) {
      const Extent part = {rest_.offset, std::min(rest_.length, room)};
      rest_ = {part.end(), rest_.length - part.length};
      room -= part.length;
      extents.push_back(part);
    }
    return extents;
  }

 private:
  bool fill() {
    if (rest_.length > 0) return true;
    const std::optional<DeltaExtent> found = own_.next();
    if (found) rest_ = found->extent;
    return found.has_value();
  }

  DeltaSource& own_;
  Extent rest_{};
};

}  // namespace

void ship_holds(DeltaSource& own, VolumeReader& snapshot,
                const std::function<void(const EncodedBody&)>& put) {
  HeldExtents held(own);
  AlignedBytes content;
  for (std::vector<Extent> extents = held.next(); !extents.empty(); extents = held.next()) {
    content.resize(total_length(extents));
    read_extents(snapshot, extents, content);
    const ContentHash hash = content_hash(stream::FrameType::holds, extents, content);
    put(encode(HoldsFrame{std::move(extents), hash}));
  }
}

}  // namespace bsr
