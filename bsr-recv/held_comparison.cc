#include "bsr-recv/held_comparison.h"

#include <algorithm>

#include "base/error.h"
#include "base/overload.h"
#include "formats/digest.h"

namespace bsr {
namespace {

constexpr uint64_t kMostAtOnce = uint64_t{1} << 20;  // bytes

}  // namespace

HeldComparison::HeldComparison(VolumeReader& volume, DeltaSource& mapped, const BeginFrame& begin,
                               std::function<void()> tick)
    : volume_(volume),
      mapped_(mapped),
      begin_(begin),
      tick_(std::move(tick)),
      cursor_(begin.resume.position) {}

AlignedBytes HeldComparison::read(const std::vector<Extent>& extents) {
  AlignedBytes bytes(total_length(extents));
  read_extents(volume_, extents, bytes);
  tick_();
  return bytes;
}

void HeldComparison::expect(bool same, Extent where) const {
  if (!same)
    fail(ErrorKind::diverged,
         "between bytes {} and {} snapshot {} no longer holds what was received: it was written to "
         "since; nothing was changed. Send it, or better a new read-only snapshot, against what is "
         "here (bsr-recv --digests, bsr-send --against)",
         where.offset, where.end(), begin_.snapshot_id);
}

void HeldComparison::expect_content(stream::FrameType type, const std::vector<Extent>& extents,
                                    const ContentHash& content) {
  expect(content_hash(type, extents, read(extents)) == content,
         {extents.front().offset, extents.back().end() - extents.front().offset});
}

/// Only what is mapped needs to be read, piece by piece.
void HeldComparison::expect_zero(Extent extent) {
  mapped_.parts_of(extent, [&](Extent part) {
    while (part.length > 0) {
      const Extent piece = {part.offset, std::min(part.length, kMostAtOnce)};
      expect(is_zero(read({piece})), piece);
      part = {piece.end(), part.length - piece.length};
    }
  });
}

/// What a stream passes over is zero where no base stands behind it.
void HeldComparison::expect_zero_before(uint64_t offset) {
  if (offset <= cursor_) return;
  if (const auto gap = clip({cursor_, offset - cursor_}, begin_.base_size, UINT64_MAX))
    expect_zero(*gap);
  cursor_ = offset;
}

void HeldComparison::pass(const std::vector<Extent>& extents) {
  for (const Extent& extent : extents) {
    expect_zero_before(extent.offset);
    cursor_ = extent.end();
  }
}

void HeldComparison::look_at(const FrameBody& body) {
  using stream::FrameType;
  const auto zeros = [&](const std::vector<Extent>& extents) {
    for (const Extent& extent : extents) {
      expect_zero_before(extent.offset);
      expect_zero(extent);
      cursor_ = extent.end();
    }
  };
  std::visit(
      Overload{
          [&](const HoldsFrame& holds) {
            expect_content(FrameType::holds, holds.extents, holds.content);
          },
          [&](const DataFrame& data) {
            pass(data.extents);
            expect_content(FrameType::data, data.extents,
                           content_hash(FrameType::data, data.extents, data.content));
          },
          [&](const PatchFrame& patch) {
            pass(patch.extents);
            expect_content(FrameType::patch, patch.extents, patch.content);
          },
          [&](const ZeroFrame& frame) { zeros(frame.extents); },
          [&](const UnmapFrame& frame) { zeros(frame.extents); },
          [&](const CheckpointFrame& checkpoint) { expect_zero_before(checkpoint.position); },
          [](const BeginFrame&) {},
          [](const ContentFrame&) {},
          [](const EndFrame&) {},
          [](const UnknownFrame&) {},
      },
      body);
}

void HeldComparison::finish() { expect_zero_before(begin_.volume_size); }

}  // namespace bsr
