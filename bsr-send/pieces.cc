#include "bsr-send/pieces.h"

#include <algorithm>

#include "base/overload.h"
#include "platform/block_io.h"

namespace bsr {
namespace {

Piece empty_piece(DeltaKind kind, bool is_zero) {
  if (kind == DeltaKind::unmap) return UnmapFrame{};
  if (is_zero) return ZeroFrame{};
  return DataFrame{};
}

std::vector<Extent>& extents_of(Piece& piece) {
  return std::visit([](auto& frame) -> std::vector<Extent>& { return frame.extents; }, piece);
}

}  // namespace

void PieceReader::split_block(Extent extent) {
  const ByteView bytes = block_;
  uint64_t position = extent.offset;
  while (position < extent.end()) {
    const uint64_t unit_end = std::min(extent.end(), (position / kZeroUnit + 1) * kZeroUnit);
    const size_t offset = position - extent.offset;
    const bool zero = is_zero(bytes.subspan(offset, unit_end - position));
    if (!segments_.empty() && segments_.back().is_zero == zero)
      segments_.back().extent.length += unit_end - position;
    else
      segments_.push_back({DeltaKind::data, zero, {position, unit_end - position}, offset});
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
      segments_.push_back({DeltaKind::unmap, false, extent->extent, 0});
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

bool PieceReader::fits(const Piece& piece, const Segment& segment) const {
  return std::visit(Overload{
                        [&](const DataFrame& data) {
                          return segment.kind == DeltaKind::data && !segment.is_zero &&
                                 data.extents.size() < stream::kMaxExtents &&
                                 data.content.size() + segment.extent.length <= kPieceContent;
                        },
                        [&](const ZeroFrame& zero) {
                          return segment.is_zero && zero.extents.size() < stream::kMaxExtents;
                        },
                        [&](const UnmapFrame& unmap) {
                          return segment.kind == DeltaKind::unmap &&
                                 unmap.extents.size() < stream::kMaxExtents;
                        },
                    },
                    piece);
}

void PieceReader::add(Piece& piece, const Segment& segment) {
  std::vector<Extent>& extents = extents_of(piece);
  if (!extents.empty() && extents.back().end() == segment.extent.offset)
    extents.back().length += segment.extent.length;
  else
    extents.push_back(segment.extent);

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
  Piece piece = empty_piece(segments_[next_].kind, segments_[next_].is_zero);
  while (fits(piece, segments_[next_])) {
    add(piece, segments_[next_++]);
    if (next_ == segments_.size() && !fill()) break;
  }
  return piece;
}

}  // namespace bsr
