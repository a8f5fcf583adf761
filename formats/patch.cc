// zstd with the base as what it may refer back to, as if the content followed the base.
#include "formats/patch.h"

#include <zstd.h>

#include <memory>

#include "base/error.h"
#include "formats/digest.h"
#include "formats/zstd_frame.h"

namespace bsr {
namespace {

using stream::FrameType;

/// Empty when the base does not help.
AlignedBytes packed(const PatchDraft& draft, int level) {
  thread_local const std::unique_ptr<ZSTD_CCtx, size_t (*)(ZSTD_CCtx*)> context(ZSTD_createCCtx(),
                                                                                ZSTD_freeCCtx);
  ZSTD_CCtx_reset(context.get(), ZSTD_reset_session_and_parameters);
  ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level);
  ZSTD_CCtx_refPrefix(context.get(), draft.base.data(), draft.base.size());  // for one frame
  AlignedBytes out(draft.content.size());
  const size_t size = ZSTD_compress2(context.get(), out.data(), out.size(), draft.content.data(),
                                     draft.content.size());
  if (ZSTD_isError(size) != 0U || size >= draft.content.size())
    return {};  // incompressible: no room in `out`
  out.resize(size);
  return out;
}

/// The hash of what is patched covers where it was found.
ContentHash base_hash(std::vector<Extent> places, const std::vector<Extent>& extents,
                      ByteView bytes) {
  places.insert(places.end(), extents.begin(), extents.end());
  return content_hash(FrameType::patch, places, bytes);
}

}  // namespace

EncodedBody encode(PatchDraft&& draft, Compression compression) {
  AlignedBytes wire;
  if (compression.enabled) wire = packed(draft, compression.level);
  if (wire.empty())
    return encode(DataFrame{std::move(draft.extents), std::move(draft.content)},
                  {.enabled = false});
  const ContentHash base = base_hash(draft.references, draft.extents, draft.base);
  const ContentHash content = content_hash(FrameType::patch, draft.extents, draft.content);
  return encode(PatchFrame{std::move(draft.extents), std::move(draft.references), base, content,
                           std::move(wire)});
}

bool applies_to(const PatchFrame& patch, ByteView base) {
  return base_hash(patch.references, patch.extents, base) == patch.base;
}

AlignedBytes apply_patch(const PatchFrame& patch, ByteView base) {
  AlignedBytes content =
      unpack_zstd(patch.packed, static_cast<uint32_t>(total_length(patch.extents)), base);
  if (content_hash(FrameType::patch, patch.extents, content) != patch.content)
    fail(ErrorKind::corrupt, "a patch does not give what it says");
  return content;
}

}  // namespace bsr
