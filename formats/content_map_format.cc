// Magic u32, version u16, zero u16, volume size u64, root, zero u64, xxh3-64 of the bytes before
// it.
#include "formats/content_map_format.h"

#include <xxhash.h>

#include <algorithm>

#include "base/error.h"

namespace bsr {
namespace {

constexpr uint32_t kMagic = 0x43525342;  // "BSRC"
constexpr uint16_t kVersion = 1;
constexpr size_t kSizeOffset = 8;
constexpr size_t kRootOffset = 16;
constexpr size_t kChecksumOffset = 56;

}  // namespace

std::array<std::byte, kContentMapHeaderSize> encode(const ContentMapHeader& header) {
  std::array<std::byte, kContentMapHeaderSize> bytes{};
  store_le(bytes, 0, kMagic);
  store_le(bytes, 4, kVersion);
  store_le(bytes, kSizeOffset, header.volume_size);
  std::ranges::copy(header.root, bytes.begin() + kRootOffset);
  store_le(bytes, kChecksumOffset, uint64_t{XXH3_64bits(bytes.data(), kChecksumOffset)});
  return bytes;
}

ContentMapHeader decode_content_map_header(ByteView bytes) {
  if (bytes.size() != kContentMapHeaderSize || load_le<uint32_t>(bytes, 0) != kMagic)
    fail(ErrorKind::corrupt, "is no content map");
  if (load_le<uint64_t>(bytes, kChecksumOffset) != XXH3_64bits(bytes.data(), kChecksumOffset))
    fail(ErrorKind::corrupt, "the checksum of the header of the content map does not match");
  if (load_le<uint16_t>(bytes, 4) != kVersion)
    fail(ErrorKind::unsupported, "is a content map of version {}; upgrade this program",
         load_le<uint16_t>(bytes, 4));
  ContentMapHeader header;
  header.volume_size = load_le<uint64_t>(bytes, kSizeOffset);
  const ByteView root = bytes.subspan(kRootOffset, header.root.size());
  std::ranges::copy(root, header.root.begin());
  const ByteView zeros = bytes.subspan(kRootOffset + root.size(), 8);
  if (header.volume_size > INT64_MAX || load_le<uint16_t>(bytes, 6) != 0 || !is_zero(zeros))
    fail(ErrorKind::corrupt, "the header of the content map says what cannot be");
  return header;
}

}  // namespace bsr
