#include "bsr-send/pieces.h"

#include <algorithm>

#include "platform/block_io.h"

namespace bsr {

void PieceReader::split_block(Extent extent) {
  const ByteView bytes = block_;
  uint64_t position = extent.offset;
  while (position < extent.end()) {
    const uint64_t unit_end = std::min(extent.end(), (position / kZeroUnit + 1) * kZeroUnit);
    const size_t offset = position - extent.offset;
    const bool zero = is_zero(bytes.subspan(offset, unit_end - position));
    const ChangeKind kind = zero ? ChangeKind::zero : ChangeKind::data;
    if (!segments_.empty() && segments_.back().kind == kind)
      segments_.back().extent.length += unit_end - position;
    else
      segments_.push_back({kind, {position, unit_end - position}, offset});
    position = unit_end;
  }
}

bool PieceReader::fill() {
  segments_.clear();
  next_ = 0;
  if (rest_.length == 0) {
    const std::optional<DeltaExtent> extent = plan_.next();
    if (!extent) return false;
    if (extent->kind == DeltaKind::unmap) {
      segments_.push_back({ChangeKind::unmap, extent->extent, 0});
      return true;
    }
    rest_ = extent->extent;
  }
  const Extent block = {rest_.offset, std::min(rest_.length, kPieceContent)};
  rest_ = {block.end(), rest_.length - block.length};
  block_.resize(block.length);
  volume_.read(block.offset, block_);
  split_block(block);
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

std::optional<Piece> PieceReader::next() {
  if (next_ == segments_.size() && !fill()) return std::nullopt;
  Piece piece = empty_piece(segments_[next_].kind);
  while (fits(piece, segments_[next_].kind, segments_[next_].extent.length)) {
    add(piece, segments_[next_++]);
    if (next_ == segments_.size() && !fill()) break;
  }
  return piece;
}

}  // namespace bsr
