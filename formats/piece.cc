#include "formats/piece.h"

#include "base/overload.h"

namespace bsr {

Piece empty_piece(ChangeKind kind) {
  switch (kind) {
    case ChangeKind::data:
      return DataFrame{};
    case ChangeKind::zero:
      return ZeroFrame{};
    case ChangeKind::unmap:
      return UnmapFrame{};
  }
  return {};
}

bool fits(const Piece& piece, ChangeKind kind, uint64_t length) {
  return std::visit(
      Overload{
          [&](const DataFrame& data) {
            return kind == ChangeKind::data && data.extents.size() < stream::kMaxExtents &&
                   data.content.size() + length <= kPieceContent;
          },
          [&](const ZeroFrame& zero) {
            return kind == ChangeKind::zero && zero.extents.size() < stream::kMaxExtents;
          },
          [&](const UnmapFrame& unmap) {
            return kind == ChangeKind::unmap && unmap.extents.size() < stream::kMaxExtents;
          },
      },
      piece);
}

void add_extent(Piece& piece, Extent extent) {
  std::vector<Extent>& extents =
      std::visit([](auto& frame) -> std::vector<Extent>& { return frame.extents; }, piece);
  if (!extents.empty() && extents.back().end() == extent.offset)
    extents.back().length += extent.length;
  else
    extents.push_back(extent);
}

uint64_t end_of(const Piece& piece) {
  return std::visit([](const auto& frame) { return frame.extents.back().end(); }, piece);
}

EncodedBody encode(Piece&& piece, Compression compression) {
  return std::visit(Overload{
                        [&](DataFrame& data) { return encode(std::move(data), compression); },
                        [](ZeroFrame& zero) { return encode(zero); },
                        [](UnmapFrame& unmap) { return encode(unmap); },
                    },
                    piece);
}

}  // namespace bsr
