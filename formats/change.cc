#include "formats/change.h"

#include <algorithm>

#include "base/error.h"
#include "base/overload.h"

namespace bsr {

Change part_of(const Change& whole, Extent part) {
  if (whole.kind != ChangeKind::data) return {whole.kind, part, {}};
  return {whole.kind, part, whole.content.subspan(part.offset - whole.extent.offset, part.length)};
}

bool FrameChanges::next_change_frame() {
  next_ = 0;
  extents_.clear();
  while (extents_.empty()) {
    std::optional<Frame> frame = next_frame_();
    if (!frame) return false;
    const auto take = [this](ChangeKind kind, std::vector<Extent>& extents) {
      kind_ = kind;
      extents_ = std::move(extents);
    };
    std::visit(Overload{
                   [&](DataFrame& data) {
                     take(ChangeKind::data, data.extents);
                     content_ = std::move(data.content);
                     rest_ = content_;
                   },
                   [&](PatchFrame& patch) {
                     content_ = unpack_(patch);
                     rest_ = content_;
                     take(ChangeKind::data, patch.extents);
                   },
                   [&](ZeroFrame& zero) { take(ChangeKind::zero, zero.extents); },
                   [&](UnmapFrame& unmap) { take(ChangeKind::unmap, unmap.extents); },
                   [&](const EndFrame& end) { content_root_ = end.content_root; },
                   [](const auto&) {},
               },
               frame->body);
  }
  return true;
}

std::optional<Change> FrameChanges::next() {
  if (next_ == extents_.size() && !next_change_frame()) return std::nullopt;
  Extent& extent = extents_[next_];
  Change change = {kind_, extent, {}};
  if (kind_ == ChangeKind::data) {
    change.extent.length = std::min(extent.length, kPieceContent);
    change.content = rest_.first(change.extent.length);
    rest_ = rest_.subspan(change.extent.length);
  }
  extent = {change.extent.end(), extent.length - change.extent.length};
  if (extent.length == 0) ++next_;
  return change;
}

std::optional<Piece> ChangeGatherer::next() {
  if (!ahead_) return std::nullopt;
  Piece piece = empty_piece(ahead_->kind);
  while (ahead_ && fits(piece, ahead_->kind, ahead_->extent.length)) {
    add_extent(piece, ahead_->extent);
    if (auto* data = std::get_if<DataFrame>(&piece)) {
      data->content.reserve(kPieceContent);
      append(data->content, ahead_->content);
    }
    ahead_ = source_.next();
  }
  return piece;
}

}  // namespace bsr
