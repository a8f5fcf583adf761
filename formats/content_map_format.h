// The header of a content map: the file that lists all leaves of a volume (man/bsr-stream.5,
// CONTENT MAP).
#pragma once

#include <array>
#include <cstdint>

#include "formats/frame.h"

namespace bsr {

constexpr size_t kContentMapHeaderSize = 64;

struct ContentMapHeader {
  uint64_t volume_size = 0;  ///< bytes
  Digest root{};
};

[[nodiscard]] std::array<std::byte, kContentMapHeaderSize> encode(const ContentMapHeader& header);

/// `bytes`: kContentMapHeaderSize of them. Throws Error{corrupt}, Error{unsupported}. Whether the
/// leaves belong to the root is for who reads them.
[[nodiscard]] ContentMapHeader decode_content_map_header(ByteView bytes);

/// Where the digest of a leaf stands in the file, and for the number of leaves where it ends.
[[nodiscard]] constexpr uint64_t leaf_position(uint64_t leaf) {
  return kContentMapHeaderSize + leaf * stream::kDigestSize;
}

}  // namespace bsr
