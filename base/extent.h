// A half-open range of bytes in a volume.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <span>

namespace bsr {

struct Extent {
  uint64_t offset = 0;  ///< bytes
  uint64_t length = 0;  ///< bytes

  [[nodiscard]] uint64_t end() const { return offset + length; }
  friend bool operator==(const Extent&, const Extent&) = default;
};

/// The part of `extent` inside [begin, end), or nullopt when they do not overlap.
inline std::optional<Extent> clip(Extent extent, uint64_t begin, uint64_t end) {
  const uint64_t first = std::max(extent.offset, begin);
  const uint64_t last = std::min(extent.end(), end);
  if (first >= last) return std::nullopt;
  return Extent{first, last - first};
}

inline uint64_t total_length(std::span<const Extent> extents) {
  uint64_t bytes = 0;
  for (const Extent& extent : extents) bytes += extent.length;
  return bytes;
}

}  // namespace bsr
