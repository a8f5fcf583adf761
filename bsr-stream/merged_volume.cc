#include "bsr-stream/merged_volume.h"

#include <algorithm>

#include "base/error.h"
#include "formats/newer_wins.h"
#include "formats/patch.h"
#include "platform/patch_base.h"
#include "platform/signals.h"

namespace bsr {
namespace {

NewerWins<DeltaExtent>::Source all_of(PlaceIndex& places) {
  return [&places, cursor = uint64_t{0}]() mutable {
    const std::optional<DeltaExtent> part = places.first_behind(cursor);
    if (part) cursor = part->extent.end();
    return part;
  };
}

}  // namespace

AlignedBytes MergedVolume::unpacked(const PatchFrame& patch) {
  const uint64_t begin = patch.extents.front().offset;
  // Behind its begin the stream has said nothing yet, so this is its base too.
  const AlignedBytes base = read_patch_base({*this, *this}, begin, patch.references, patch.extents);
  if (!applies_to(patch, base))
    fail(ErrorKind::base,
         "a patch at byte {} does not apply to what the streams before it lead to{}; one of these "
         "is not what it says it is: make sure that each is what the stream behind it was sent "
         "against",
         begin, base_ == nullptr ? "" : " from the base in " + base_->path());
  return apply_patch(patch, base);
}

/// From here on this stream is one of those before. What it cut off is gone, and reads as zeros
/// where a later one grows again.
void MergedVolume::finish_stream(uint64_t volume_size) {
  PlaceIndex all;
  NewerWins<DeltaExtent> both(all_of(said_), all_of(saying_));
  while (const std::optional<DeltaExtent> part = both.next()) {
    throw_if_stopped();
    if (const auto kept = clip(part->extent, 0, volume_size)) all.append(part_of(*part, *kept));
  }
  said_ = std::move(all);
  saying_ = {};
  base_end_ = std::min(*base_end_, volume_size);
}

void MergedVolume::apply(const BeginFrame& begin, ChangeSource& changes) {
  if (!base_end_) base_end_ = begin.base_size;
  while (const std::optional<Change> change = changes.next()) {
    const bool is_data = change->kind == ChangeKind::data;
    if (is_data) said_data_.write(change->extent.offset, change->content);
    saying_.append({change->extent, is_data ? DeltaKind::data : DeltaKind::unmap});
  }
  finish_stream(begin.volume_size);
}

MergedVolume::Holding MergedVolume::holding(uint64_t offset) {
  uint64_t end = UINT64_MAX;
  for (PlaceIndex* places : {&saying_, &said_}) {
    const std::optional<DeltaExtent> part = places->first_behind(offset);
    if (!part) continue;
    if (part->extent.offset <= offset) return {part->kind, std::min(end, part->extent.end())};
    end = std::min(end, part->extent.offset);
  }
  return {std::nullopt, end};
}

void MergedVolume::read_base(uint64_t offset, std::span<std::byte> into) {
  const size_t known = std::min<uint64_t>(into.size(), std::max(*base_end_, offset) - offset);
  std::ranges::fill(into.subspan(known), std::byte{0});
  if (known == 0) return;
  if (base_ == nullptr)
    fail(ErrorKind::unsupported,
         "what it changes inside of chunks is packed against its base (PATCH), and what that holds "
         "at byte {} is not in the streams before it; give the base of the first stream, a file or "
         "device (--base), begin with a full stream, or send it with --patch never",
         offset);
  base_->read(offset, into.first(known));
}

void MergedVolume::read(uint64_t offset, std::span<std::byte> into) {
  while (!into.empty()) {
    const Holding here = holding(offset);
    const auto part = into.first(std::min<uint64_t>(into.size(), here.end - offset));
    if (!here.said)
      read_base(offset, part);
    else if (*here.said == DeltaKind::data)
      said_data_.read(offset, part);
    else
      std::ranges::fill(part, std::byte{0});
    offset += part.size();
    into = into.subspan(part.size());
  }
}

AlignedBytes MergedVolume::content(std::span<const Extent> extents) {
  AlignedBytes bytes(total_length(extents));
  std::span<std::byte> rest(bytes);
  for (const Extent& extent : extents) {
    read(extent.offset, rest.first(extent.length));
    rest = rest.subspan(extent.length);
  }
  return bytes;
}

}  // namespace bsr
