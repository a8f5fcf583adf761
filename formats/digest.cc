// SHA-256 through Nettle, xxh3-128 through xxhash.
#include "formats/digest.h"

#include <xxhash.h>

#include <charconv>

namespace bsr {

Sha256::Sha256() { sha256_init(&context_); }

void Sha256::update(ByteView bytes) {
  sha256_update(&context_, bytes.size(), reinterpret_cast<const uint8_t*>(bytes.data()));
}

Digest Sha256::finish() {
  Digest digest;
  sha256_digest(&context_, digest.size(), reinterpret_cast<uint8_t*>(digest.data()));
  return digest;
}

std::string to_hex(ByteView bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::byte b : bytes) {
    text.push_back(kDigits[std::to_integer<unsigned>(b) >> 4]);
    text.push_back(kDigits[std::to_integer<unsigned>(b) & 15]);
  }
  return text;
}

bool from_hex(std::string_view text, std::span<std::byte> bytes) {
  if (text.size() != 2 * bytes.size()) return false;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const char* digits = text.data() + 2 * i;
    uint8_t byte = 0;
    const auto [end, problem] = std::from_chars(digits, digits + 2, byte, 16);
    if (problem != std::errc() || end != digits + 2) return false;
    bytes[i] = std::byte{byte};
  }
  return true;
}

ContentHash content_hash(stream::FrameType type, std::span<const Extent> extents,
                         ByteView content) {
  Bytes table;
  table.reserve(sizeof(uint64_t) + extents.size() * stream::kExtentSize);
  append_le(table, static_cast<uint64_t>(type));
  for (const Extent& extent : extents) {
    append_le(table, extent.offset);
    append_le(table, extent.length);
  }
  const uint64_t seed = XXH3_64bits(table.data(), table.size());
  const XXH128_hash_t hash = XXH3_128bits_withSeed(content.data(), content.size(), seed);
  return {hash.low64, hash.high64};
}

DigestChain::DigestChain(ByteView begin_identity) {
  Sha256 sha;
  sha.update(begin_identity);
  value_ = sha.finish();
}

void DigestChain::add(const ContentHash& frame) {
  std::array<std::byte, 16> words;
  store_le(words, 0, frame.low);
  store_le(words, 8, frame.high);
  Sha256 sha;
  sha.update(value_);
  sha.update(words);
  value_ = sha.finish();
}

}  // namespace bsr
