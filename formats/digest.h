// SHA-256, and the chain that ties the change frames of a transfer together.
#pragma once

#include <nettle/sha2.h>

#include <span>
#include <string>
#include <string_view>

#include "base/bytes.h"
#include "formats/frame.h"

namespace bsr {

/// SHA-256 of bytes that come piece by piece.
class Sha256 {
 public:
  Sha256();

  void update(ByteView bytes);
  [[nodiscard]] Digest finish();  ///< once

 private:
  sha256_ctx context_;
};

[[nodiscard]] std::string to_hex(ByteView bytes);

/// Whether a text is exactly the digits of so many bytes, which it puts there.
[[nodiscard]] bool from_hex(std::string_view text, std::span<std::byte> bytes);

/// xxh3-128 over the extent table and, seeded with that, over the content.
[[nodiscard]] ContentHash content_hash(stream::FrameType type, std::span<const Extent> extents,
                                       ByteView content);

/// digest(0) = SHA-256 of BEGIN's identity; digest(n) = SHA-256(digest(n-1), hash of change frame
/// n). Being a chain of 32 bytes it can be written down at any checkpoint and continued.
class DigestChain {
 public:
  explicit DigestChain(ByteView begin_identity);
  explicit DigestChain(const Digest& last) : value_(last) {}  ///< continues

  void add(const ContentHash& frame);
  [[nodiscard]] const Digest& value() const { return value_; }

 private:
  Digest value_;
};

}  // namespace bsr
