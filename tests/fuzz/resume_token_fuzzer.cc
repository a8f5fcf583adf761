// Any text as a resume token: an Error, or a BEGIN that resumes and comes back from its own token.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "formats/crc32c.h"
#include "formats/frame_encoder.h"
#include "formats/resume_token.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

void check(std::string_view text) try {
  const bsr::ResumeToken token = bsr::decode_token(text);
  const bsr::BeginFrame& begin = token.begin;
  require(begin.resume.position != 0 && begin.resume.position <= begin.volume_size);
  const bsr::ResumeToken again = bsr::decode_token(bsr::encode_token(token));
  require(bsr::begin_payload(again.begin) == bsr::begin_payload(begin));
  require(again.base_is_gone == token.base_is_gone);
} catch (const bsr::Error&) {
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  check(text);
  // And under the right checksum, which chance does not find.
  constexpr size_t kHead = 14;
  if (size <= kHead) return 0;
  const std::string_view body = text.substr(kHead);
  check(fmt::format("bsr1.{:08x}.{}", ~bsr::crc32c_update(~0U, std::as_bytes(std::span(body))),
                    body));
  return 0;
}
