// Gets a fuzzer past the checksums of a stream.
#pragma once

#include <xxhash.h>

#include <algorithm>

#include "base/bytes.h"
#include "formats/stream_format.h"

/// Magic, sequence number, length and checksums of every frame become right.
inline bsr::Bytes repaired(bsr::ByteView input) {
  bsr::Bytes bytes(input.begin(), input.end());
  uint64_t sequence = 0;
  for (size_t at = 0; bytes.size() - at >= bsr::stream::kHeaderSize;) {
    const std::span<std::byte> frame = std::span(bytes).subspan(at);
    const auto room = static_cast<uint32_t>(frame.size() - bsr::stream::kHeaderSize);
    const uint32_t length = std::min(bsr::load_le<uint32_t>(frame, 16), room);
    bsr::store_le(frame, 0, bsr::stream::kMagic);
    bsr::store_le(frame, 8, sequence++);
    bsr::store_le(frame, 16, length);
    bsr::store_le(frame, 20, uint32_t{0});
    bsr::store_le(frame, 24,
                  uint64_t{XXH3_64bits(frame.data() + bsr::stream::kHeaderSize, length)});
    bsr::store_le(frame, 32, uint64_t{XXH3_64bits(frame.data(), 32)});
    at += bsr::stream::kHeaderSize + length;
  }
  return bytes;
}
