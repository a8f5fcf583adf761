// The rules of man/bsr-stream.5 that span frames.
#include "formats/stream_grammar.h"

#include "base/error.h"
#include "base/overload.h"
#include "base/sector.h"
#include "formats/content_tree.h"

namespace bsr {

using stream::FrameType;

void StreamGrammar::change(FrameType type, std::span<const Extent> extents,
                           const ContentHash& hash) {
  uint64_t bytes = 0;
  may_hold_ = false;
  for (const Extent& extent : extents) {
    if (extent.offset < cursor_)
      fail(ErrorKind::corrupt, "extent at {} after everything below {} was sent", extent.offset,
           cursor_);
    if (extent.end() > begin_->volume_size)
      fail(ErrorKind::corrupt, "extent {}+{} lies outside the volume of {} bytes", extent.offset,
           extent.length, begin_->volume_size);
    cursor_ = extent.end();
    bytes += extent.length;
  }
  totals_->add(type, extents.size(), bytes, hash);
}

void StreamGrammar::patch(const PatchFrame& patch) {
  const uint64_t base_end =
      begin_->is_full() ? 0 : std::min(begin_->base_size, begin_->volume_size);
  for (const std::vector<Extent>& places : {patch.extents, patch.references})
    if (!places.empty() && places.back().end() > base_end)
      fail(ErrorKind::corrupt, "a patch up to byte {} where base and volume have {} bytes",
           places.back().end(), base_end);
  change(FrameType::patch, patch.extents, patch.content);
}

void StreamGrammar::holds(const HoldsFrame& holds) {
  if (!may_hold_)
    fail(ErrorKind::corrupt, "HOLDS in a stream that continues none, or behind a change");
  for (const Extent& extent : holds.extents) {
    if (extent.offset < held_end_ || extent.end() > begin_->resume.position)
      fail(ErrorKind::corrupt,
           "HOLDS names {}+{}, after everything below {}, in a stream that continues at {}",
           extent.offset, extent.length, held_end_, begin_->resume.position);
    held_end_ = extent.end();
  }
}

void StreamGrammar::content(const ContentFrame& content) {
  if (content.position < looked_at_ || content.position > begin_->volume_size)
    fail(ErrorKind::corrupt, "CONTENT at {} after {}, in a volume of {} bytes", content.position,
         looked_at_, begin_->volume_size);
  looked_at_ = content.position;
}

void StreamGrammar::check_body(const FrameBody& body) {
  std::visit(
      Overload{
          [&](const BeginFrame& begin) {
            begin_ = begin;
            cursor_ = begin.resume.position;
            may_hold_ = begin.resume.position > 0;
            totals_.emplace(begin);
          },
          [&](const DataFrame& data) {
            change(FrameType::data, data.extents,
                   content_hash(FrameType::data, data.extents, data.content));
          },
          [&](const HoldsFrame& held) { holds(held); },
          [&](const PatchFrame& packed) { patch(packed); },
          [&](const ZeroFrame& zero) {
            change(FrameType::zero, zero.extents, content_hash(FrameType::zero, zero.extents, {}));
          },
          [&](const UnmapFrame& unmap) {
            change(FrameType::unmap, unmap.extents,
                   content_hash(FrameType::unmap, unmap.extents, {}));
          },
          [&](const CheckpointFrame& checkpoint) {
            if (checkpoint.position < cursor_ || checkpoint.position > begin_->volume_size ||
                checkpoint.position % kSectorSize != 0 || checkpoint.digest != totals_->digest())
              fail(ErrorKind::corrupt, "a checkpoint does not fit what came before it");
            cursor_ = checkpoint.position;
            may_hold_ = false;
          },
          [&](const ContentFrame& looked) { content(looked); },
          [&](const EndFrame& end) {
            const Totals seen = totals_->value();
            if (end.frames != seen.frames || end.extents != seen.extents ||
                end.data_bytes != seen.data_bytes || end.zero_bytes != seen.zero_bytes ||
                end.unmap_bytes != seen.unmap_bytes)
              fail(ErrorKind::corrupt, "END counts {} frames and {} data bytes, {} and {} came",
                   end.frames, end.data_bytes, seen.frames, seen.data_bytes);
            if (end.digest != seen.digest)
              fail(ErrorKind::corrupt, "the digest of the whole transfer does not match");
            if (is_content_identity(begin_->base_id) && is_zero_digest(end.content_root))
              fail(ErrorKind::corrupt, "END has no content root, and the base is named by one");
          },
          [](const UnknownFrame&) {},
      },
      body);
}

void StreamGrammar::check(const Frame& frame) try {
  if (std::holds_alternative<BeginFrame>(frame.body) == begin_.has_value())
    fail(ErrorKind::corrupt, "{}",
         begin_ ? "a second BEGIN" : "the stream does not begin with BEGIN");
  check_body(frame.body);
} catch (Error& error) {
  error.while_doing(fmt::format("stream at byte {}", frame.position));
  throw;
}

}  // namespace bsr
