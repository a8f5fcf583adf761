#include "formats/resume_token.h"

#include <nettle/base64.h>
#include <zstd.h>

#include <algorithm>

#include "base/error.h"
#include "formats/crc32c.h"
#include "formats/frame_decoder.h"
#include "formats/frame_encoder.h"

namespace bsr {
namespace {

constexpr std::string_view kPrefix = "bsr1.";
constexpr size_t kChecksumDigits = 8;
constexpr size_t kMaxToken = 1024;   // characters; what is longer is no token
constexpr std::byte kBaseIsGone{1};  // behind BEGIN

uint32_t checksum(std::string_view text) {
  return ~crc32c_update(~0U, std::as_bytes(std::span(text)));
}

std::string to_base64url(ByteView bytes) {
  std::string text(BASE64_ENCODE_LENGTH(bytes.size()) + BASE64_ENCODE_FINAL_LENGTH, '\0');
  base64_encode_ctx context;
  base64url_encode_init(&context);
  size_t length = base64_encode_update(&context, text.data(), bytes.size(),
                                       reinterpret_cast<const uint8_t*>(bytes.data()));
  length += base64_encode_final(&context, text.data() + length);
  text.resize(length);
  text.resize(std::min(text.find('='), length));
  return text;
}

/// Empty when the text is not base64url.
Bytes from_base64url(std::string text) {
  text.append((4 - text.size() % 4) % 4, '=');
  Bytes bytes(BASE64_DECODE_LENGTH(text.size()));
  size_t length = 0;
  base64_decode_ctx context;
  base64url_decode_init(&context);
  if (base64_decode_update(&context, &length, reinterpret_cast<uint8_t*>(bytes.data()), text.size(),
                           text.data()) == 0 ||
      base64_decode_final(&context) == 0)
    return {};
  bytes.resize(length);
  return bytes;
}

Bytes compressed(ByteView payload) {
  Bytes bytes(ZSTD_compressBound(payload.size()));
  const size_t size = ZSTD_compress(bytes.data(), bytes.size(), payload.data(), payload.size(),
                                    ZSTD_CLEVEL_DEFAULT);
  if (ZSTD_isError(size) != 0U) fail(ErrorKind::failed, "zstd cannot compress a resume token");
  bytes.resize(size);
  return bytes;
}

[[noreturn]] void fail_damaged() {
  fail(ErrorKind::usage,
       "the resume token is damaged; copy all of it, in one piece, as bsr-recv printed it");
}

}  // namespace

std::string encode_token(const ResumeToken& token) {
  Bytes payload = begin_payload(token.begin);
  if (token.base_is_gone) payload.push_back(kBaseIsGone);
  const std::string text = to_base64url(compressed(payload));
  return fmt::format("{}{:08x}.{}", kPrefix, checksum(text), text);
}

ResumeToken decode_started(std::string_view token) {
  if (!token.starts_with(kPrefix)) {
    if (token.starts_with("bsr"))
      fail(ErrorKind::unsupported, "the resume token is of another version; upgrade this program");
    fail_damaged();
  }
  const size_t head = kPrefix.size() + kChecksumDigits + 1;
  if (token.size() <= head || token.size() > kMaxToken) fail_damaged();
  const std::string_view text = token.substr(head);
  if (token.substr(0, head) != fmt::format("{}{:08x}.", kPrefix, checksum(text))) fail_damaged();

  const Bytes packed = from_base64url(std::string(text));
  // One plain frame, for the reason given in frame_decoder.cc.
  if (packed.size() < sizeof(uint32_t) || load_le<uint32_t>(packed, 0) != ZSTD_MAGICNUMBER ||
      ZSTD_findFrameCompressedSize(packed.data(), packed.size()) != packed.size())
    fail_damaged();
  Bytes payload(stream::kBeginSizeWithStates + 1);
  const size_t size = ZSTD_decompress(payload.data(), payload.size(), packed.data(), packed.size());
  if (ZSTD_isError(size) != 0U || size < stream::kBeginSize) fail_damaged();
  const bool has_states =
      (load_le<uint64_t>(payload, stream::kFeaturesOffset) & stream::kFeatureStates) != 0;
  const size_t begin_size = has_states ? stream::kBeginSizeWithStates : stream::kBeginSize;
  const bool base_is_gone = size == begin_size + 1 && payload[begin_size] == kBaseIsGone;
  if (size != begin_size && !base_is_gone) fail_damaged();
  payload.resize(begin_size);
  return {decode_begin(payload), base_is_gone};
}

ResumeToken decode_token(std::string_view text) {
  ResumeToken token = decode_started(text);
  if (token.begin.resume.position == 0) fail_damaged();
  return token;
}

}  // namespace bsr
