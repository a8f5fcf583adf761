#include "formats/zstd_frame.h"

#include <zstd.h>

#include <memory>

#include "base/error.h"

namespace bsr {

// libzstd by itself would also take several frames, skippable ones and the formats of its own past,
// whose decoders nobody should expose to hostile input.
void check_zstd(ByteView wire) {
  if (wire.size() < sizeof(uint32_t) || load_le<uint32_t>(wire, 0) != ZSTD_MAGICNUMBER ||
      ZSTD_findFrameCompressedSize(wire.data(), wire.size()) != wire.size())
    fail(ErrorKind::corrupt, "compressed data is not one zstd frame");
}

AlignedBytes unpack_zstd(ByteView wire, uint32_t length, ByteView prefix) {
  thread_local const std::unique_ptr<ZSTD_DCtx, size_t (*)(ZSTD_DCtx*)> context(ZSTD_createDCtx(),
                                                                                ZSTD_freeDCtx);
  check_zstd(wire);
  ZSTD_DCtx_reset(context.get(), ZSTD_reset_session_only);
  if (!prefix.empty()) ZSTD_DCtx_refPrefix(context.get(), prefix.data(), prefix.size());
  AlignedBytes content(length);
  const size_t size =
      ZSTD_decompressDCtx(context.get(), content.data(), content.size(), wire.data(), wire.size());
  if (ZSTD_isError(size) != 0U || size != length)
    fail(ErrorKind::corrupt, "compressed data does not unpack to {} bytes", length);
  return content;
}

}  // namespace bsr
