#include "bsr-send/pieces.h"

#include <algorithm>
#include <cstring>

#include "platform/block_io.h"

namespace bsr {
namespace {

// Where nothing differs, the receiver hears how far we are after so many bytes.
constexpr uint64_t kMostInSilence = 16ULL << 20;

bool same(ByteView a, ByteView b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace

void PieceReader::add_segment(const Segment& segment) {
  if (!segments_.empty() && segment.continues(segments_.back()))
    segments_.back().extent.length += segment.extent.length;
  else
    segments_.push_back(segment);
}

/// Of an area that does not hold zeros only: the pages that are not as in the base.
void PieceReader::split_pages(Extent extent, size_t offset) {
  uint64_t position = extent.offset;
  while (position < extent.end()) {
    const uint64_t length = std::min(extent.end(), (position / kPage + 1) * kPage) - position;
    const bool has_base = offset + length <= base_block_.size();
    if (!has_base || !same(ByteView(block_).subspan(offset, length),
                           ByteView(base_block_).subspan(offset, length)))
      add_segment({ChangeKind::data, has_base && base_helps_, {position, length}, offset});
    position += length;
    offset += length;
  }
}

void PieceReader::read_base(Extent extent) {
  base_block_.clear();
  const std::optional<Extent> part = clip(extent, 0, base_.size / kPage * kPage);
  if (base_.volume == nullptr || !part) return;
  base_block_.resize(part->length);
  base_.volume->read(part->offset, base_block_);
  base_helps_ = !is_zero(base_block_);
}

void PieceReader::split_block(Extent extent) {
  read_base(extent);
  uint64_t position = extent.offset;
  while (position < extent.end()) {
    const uint64_t length =
        std::min(extent.end(), (position / kZeroUnit + 1) * kZeroUnit) - position;
    const size_t offset = position - extent.offset;
    const ByteView bytes = ByteView(block_).subspan(offset, length);
    const bool as_before = offset + length <= base_block_.size() &&
                           same(bytes, ByteView(base_block_).subspan(offset, length));
    if (!as_before && is_zero(bytes))
      add_segment({ChangeKind::zero, false, {position, length}, offset});
    else if (!as_before)
      split_pages({position, length}, offset);
    position += length;
  }
}

bool PieceReader::fill() {
  segments_.clear();
  next_ = 0;
  if (rest_.length == 0) {
    const std::optional<DeltaExtent> extent = plan_.next();
    if (!extent) return false;
    if (extent->kind == DeltaKind::unmap) {
      read_end_ = extent->extent.end();
      segments_.push_back({ChangeKind::unmap, false, extent->extent, 0});
      return true;
    }
    rest_ = extent->extent;
  }
  const Extent block = {rest_.offset, std::min(rest_.length, kPieceContent)};
  rest_ = {block.end(), rest_.length - block.length};
  block_.resize(block.length);
  volume_.read(block.offset, block_);
  read_end_ = block.end();
  plan_data_ += block.length;
  split_block(block);
  return true;
}

/// Whether there is a segment. None is there at the end of the plan, and where too little differs
/// for too long.
bool PieceReader::at_hand() {
  while (next_ == segments_.size())
    if ((base_.volume != nullptr && plan_data_ >= kMostInSilence) || !fill()) return false;
  return true;
}

void PieceReader::add(Piece& piece, const Segment& segment) {
  add_extent(piece, segment.extent);
  auto* data = std::get_if<DataFrame>(&piece);
  if (data == nullptr) return;
  if (data->content.empty() && segment.extent.length == block_.size()) {
    data->content = std::move(block_);  // the usual case costs no copy
    block_ = {};
    return;
  }
  const ByteView bytes = ByteView(block_).subspan(segment.offset, segment.extent.length);
  data->content.reserve(kPieceContent);
  data->content.insert(data->content.end(), bytes.begin(), bytes.end());
}

void PieceReader::add(PatchDraft& patch, const Segment& segment) const {
  const auto append_part = [&](AlignedBytes& to, const AlignedBytes& block) {
    const ByteView bytes = ByteView(block).subspan(segment.offset, segment.extent.length);
    to.reserve(kPieceContent);
    to.insert(to.end(), bytes.begin(), bytes.end());
  };
  patch.extents.push_back(segment.extent);
  append_part(patch.content, block_);
  append_part(patch.base, base_block_);
}

Piece PieceReader::gather_piece() {
  Piece piece = empty_piece(segments_[next_].kind);
  do {
    add(piece, segments_[next_++]);
  } while (at_hand() && !segments_[next_].patch &&
           fits(piece, segments_[next_].kind, segments_[next_].extent.length));
  return piece;
}

PatchDraft PieceReader::gather_patch() {
  PatchDraft patch;
  do {
    add(patch, segments_[next_++]);
  } while (at_hand() && segments_[next_].patch && patch.extents.size() < stream::kMaxExtents &&
           patch.content.size() + segments_[next_].extent.length <= kPieceContent);
  return patch;
}

std::optional<Cut> PieceReader::next() {
  Cut cut;
  if (at_hand()) {
    if (segments_[next_].patch) {
      PatchDraft patch = gather_patch();
      cut.end = patch.extents.back().end();
      cut.body = std::move(patch);
    } else {
      Piece piece = gather_piece();
      cut.end = end_of(piece);
      cut.body = std::move(piece);
    }
  } else if (plan_data_ > 0) {
    cut.end = read_end_;
  } else {
    return std::nullopt;
  }
  cut.plan_data = std::exchange(plan_data_, 0);
  return cut;
}

}  // namespace bsr
