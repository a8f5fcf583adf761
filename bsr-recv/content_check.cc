#include "bsr-recv/content_check.h"

#include "base/error.h"
#include "base/units.h"
#include "formats/content_tree.h"
#include "formats/digest.h"

namespace bsr {

ReadBack::OnRead gathered_in(GatheredLeaves* leaves, bool zeros_stay) {
  if (leaves == nullptr) return {};
  return [leaves, zeros_stay](const WrittenEntry& entry, ByteView content) {
    for (const Extent& extent : entry.extents) {
      if (entry.hash) {
        leaves->add(extent, content.first(extent.length));
        content = content.subspan(extent.length);
      } else if (zeros_stay) {
        leaves->add_zeros(extent);
      }
    }
  };
}

Error wrong_content(const BeginFrame& begin, const Digest& in_stream, const Digest& here) {
  return {
      ErrorKind::verify,
      fmt::format(
          "the content root of snapshot {} is {}, but the target would have {}: {}",
          begin.snapshot_id, to_hex(in_stream), to_hex(here),
          begin.is_full()
              ? "a disk gives back other bytes than were written to it, see the kernel log"
              : "its base is not the same on both sides any more, or something changed that the "
                "stream does not name; compare both (bsr-stream digest), or send against what is "
                "here (bsr-recv --digests, bsr-send --against)")};
}

void check_resync_base(const std::string& target, const BeginFrame& begin, const Digest& here) {
  const std::string identity = content_identity(here);
  if (identity == begin.base_id) return;
  fail(
      ErrorKind::base,
      "{}: holds {}, and the stream is a change to {}: it was made for another target, or this one "
      "was written to meanwhile; take its digests again (bsr-recv --digests) and send against them",
      target, identity, begin.base_id);
}

std::string content_text(const std::string& target, const ContentResult& content) {
  return fmt::format("bsr-recv: {}: content root {}, read {} for it\n", target,
                     to_hex(content.root), human_bytes(content.bytes_read));
}

}  // namespace bsr
