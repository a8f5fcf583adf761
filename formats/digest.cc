// SHA-256 through OpenSSL, xxh3-128 through xxhash.
#include "formats/digest.h"

#include <openssl/evp.h>
#include <xxhash.h>

#include "base/error.h"

namespace bsr {
namespace {

void check(int result) {
  if (result != 1) fail(ErrorKind::failed, "OpenSSL cannot compute SHA-256");
}

}  // namespace

struct Sha256::Context {
  EVP_MD_CTX* evp = EVP_MD_CTX_new();
  Context() {
    if (evp == nullptr) throw std::bad_alloc();
  }
  Context(const Context&) = delete;
  Context& operator=(const Context&) = delete;
  ~Context() { EVP_MD_CTX_free(evp); }
};

Sha256::Sha256() : context_(std::make_unique<Context>()) {
  check(EVP_DigestInit_ex(context_->evp, EVP_sha256(), nullptr));
}
Sha256::~Sha256() = default;
Sha256::Sha256(Sha256&&) noexcept = default;
Sha256& Sha256::operator=(Sha256&&) noexcept = default;

void Sha256::update(ByteView bytes) {
  check(EVP_DigestUpdate(context_->evp, bytes.data(), bytes.size()));
}

Digest Sha256::finish() {
  Digest digest;
  check(
      EVP_DigestFinal_ex(context_->evp, reinterpret_cast<unsigned char*>(digest.data()), nullptr));
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
