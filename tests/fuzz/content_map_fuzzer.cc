// Any bytes as the header of a content map: an Error, or a header that comes back as it was.
#include <xxhash.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>

#include "base/error.h"
#include "formats/content_map_format.h"

namespace {

void check(bsr::ByteView bytes) try {
  const bsr::ContentMapHeader header = bsr::decode_content_map_header(bytes);
  if (header.volume_size > INT64_MAX) std::abort();
  if (!std::ranges::equal(bsr::encode(header), bytes)) std::abort();
} catch (const bsr::Error&) {
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const bsr::ByteView bytes = std::as_bytes(std::span(data, size));
  check(bytes);
  // And under the right checksum, which chance does not find.
  constexpr size_t kChecksumOffset = bsr::kContentMapHeaderSize - 8;
  if (size < bsr::kContentMapHeaderSize) return 0;
  bsr::Bytes repaired(bytes.begin(), bytes.begin() + bsr::kContentMapHeaderSize);
  bsr::store_le(repaired, kChecksumOffset, uint64_t{XXH3_64bits(repaired.data(), kChecksumOffset)});
  check(repaired);
  return 0;
}
