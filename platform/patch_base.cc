#include "platform/patch_base.h"

#include <utility>
#include <vector>

namespace bsr {

AlignedBytes read_patch_base(const PatchVolumes& volumes, uint64_t begin,
                             std::span<const Extent> references, std::span<const Extent> extents) {
  AlignedBytes bytes(total_length(references) + total_length(extents));
  std::span<std::byte> rest(bytes);
  const auto take = [&](uint64_t length) {
    return std::exchange(rest, rest.subspan(length)).first(length);
  };
  std::vector<ReadRequest> written;
  std::vector<ReadRequest> older;
  for (const Extent& reference : references) {
    if (const auto part = clip(reference, 0, begin))
      written.push_back({part->offset, take(part->length)});
    if (const auto part = clip(reference, begin, UINT64_MAX))
      older.push_back({part->offset, take(part->length)});
  }
  for (const Extent& extent : extents) older.push_back({extent.offset, take(extent.length)});
  read_all(volumes.written, written);
  read_all(volumes.base, older);
  return bytes;
}

}  // namespace bsr
