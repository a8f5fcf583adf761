// What a snapshot holds, as a tree of digests: leaves of a MiB to one root (man/bsr-stream.5,
// CONTENT TREE).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/extent.h"
#include "formats/frame.h"

namespace bsr {

constexpr uint64_t kLeafSize = 1ULL << 20;  // bytes of the volume
constexpr uint64_t kTreeFanout = 1024;      // digests in a node

/// How many leaves a volume has; the last one may be shorter.
[[nodiscard]] constexpr uint64_t leaf_count(uint64_t volume_size) {
  return volume_size / kLeafSize + (volume_size % kLeafSize != 0 ? 1 : 0);
}

[[nodiscard]] constexpr Extent leaf_extent(uint64_t leaf, uint64_t volume_size) {
  const uint64_t offset = leaf * kLeafSize;
  return {offset, std::min(kLeafSize, volume_size - offset)};
}

/// Zero bytes when all bytes of the leaf are zero.
[[nodiscard]] Digest leaf_digest(ByteView leaf);

[[nodiscard]] inline bool is_zero_digest(const Digest& digest) { return digest == Digest{}; }

/// The identity of a base that is named by what it holds: "content:" and the first 40 digits of its
/// root.
[[nodiscard]] std::string content_identity(const Digest& root);
[[nodiscard]] bool is_content_identity(std::string_view identity);

/// Turns leaves, which come in order, into the root. Keeps 32 KiB for each level; there are five at
/// most.
class ContentTree {
 public:
  explicit ContentTree(uint64_t volume_size) : volume_size_(volume_size) {}

  void add(const Digest& leaf);

  /// So many leaves of zeros, in a time that hardly depends on their number.
  void add_zeros(uint64_t count);

  /// After the last leaf, once.
  [[nodiscard]] Digest root();

 private:
  struct Level {
    Bytes pending;       // digests that are not in a node yet
    uint64_t count = 0;  // digests so far
  };
  void add_to(size_t level, const Digest& digest);
  void add_zeros_to(size_t level, uint64_t count);
  void close_node(size_t level);

  uint64_t volume_size_;
  std::vector<Level> levels_;
};

}  // namespace bsr
