#include "bsr-send/pieces.h"

#include <algorithm>
#include <cstring>

#include "platform/block_io.h"

namespace bsr {
namespace {

// Where nothing differs, the receiver hears how far we are after so many bytes.
constexpr uint64_t kMostInSilence = 16ULL << 20;
// dm-thin's chunks are multiples of this, and only whole ones are discarded.
constexpr size_t kLeastChunk = 64 << 10;
// Enough to keep a disk busy while one is compared.
constexpr size_t kBlocksAhead = 16;

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

/// Which of its least chunks, of a block that begins at `offset`, hold more than zeros. Once for
/// each: to see that all is zeros takes reading all of it.
void PieceReader::look_at_base(uint64_t offset) {
  base_helps_.clear();
  for (ByteView rest = base_block_; !rest.empty();) {
    const size_t length = std::min<size_t>(kLeastChunk - offset % kLeastChunk, rest.size());
    base_helps_.push_back(!is_zero(rest.first(length)));
    rest = rest.subspan(length);
    offset += length;
  }
}

/// Of an area that does not hold zeros only: the pages that are not as in the base.
void PieceReader::split_pages(Extent extent, size_t offset) {
  const uint64_t chunk = extent.offset / kLeastChunk - (extent.offset - offset) / kLeastChunk;
  const bool helps = chunk < base_helps_.size() && base_helps_[chunk];
  uint64_t position = extent.offset;
  while (position < extent.end()) {
    const uint64_t length = std::min(extent.end(), (position / kPage + 1) * kPage) - position;
    const bool has_base = offset + length <= base_block_.size();
    const ByteView page = ByteView(block_).subspan(offset, length);
    if (!has_base || !same(page, ByteView(base_block_).subspan(offset, length)) || is_zero(page))
      add_segment({ChangeKind::data, has_base && helps, {position, length}, offset});
    position += length;
    offset += length;
  }
}

void PieceReader::split_block(Extent extent) {
  uint64_t position = extent.offset;
  while (position < extent.end()) {
    const uint64_t length =
        std::min(extent.end(), (position / kZeroUnit + 1) * kZeroUnit) - position;
    const size_t offset = position - extent.offset;
    const ByteView bytes = ByteView(block_).subspan(offset, length);
    if (is_zero(bytes))
      add_segment({ChangeKind::zero, false, {position, length}, offset});
    else
      split_pages({position, length}, offset);
    position += length;
  }
}

void PieceReader::start_block() {
  const Extent extent = {rest_.offset, std::min(rest_.length, kPieceContent)};
  rest_ = {extent.end(), rest_.length - extent.length};
  Block& block = ahead_.emplace_back(Block{{extent, DeltaKind::data}, {}, {}});
  block.bytes.resize(extent.length);
  volume_.start(extent.offset, block.bytes);
  const std::optional<Extent> in_base = clip(extent, 0, base_.size / kPage * kPage);
  if (base_.volume == nullptr || !in_base || (base_.wanted && !base_.wanted())) return;
  block.base.resize(in_base->length);
  base_.volume->start(in_base->offset, block.base);
}

PieceReader::~PieceReader() {
  volume_.abandon();
  if (base_.volume != nullptr) base_.volume->abandon();
}

void PieceReader::read_ahead() {
  while (ahead_.size() < kBlocksAhead && !planned_all_) {
    if (rest_.length > 0) {
      start_block();
    } else if (const std::optional<DeltaExtent> extent = plan_.next()) {
      if (extent->kind == DeltaKind::unmap)
        ahead_.push_back({*extent, {}, {}});
      else
        rest_ = extent->extent;
    } else {
      planned_all_ = true;
    }
  }
}

bool PieceReader::fill() {
  segments_.clear();
  next_ = 0;
  read_ahead();
  if (ahead_.empty()) return false;
  if (ahead_.front().part.kind == DeltaKind::data) {
    volume_.finish();  // its memory stays in ahead_, should one of them fail
    if (!ahead_.front().base.empty()) base_.volume->finish();
  }
  Block block = std::move(ahead_.front());
  ahead_.pop_front();
  read_end_ = block.part.extent.end();
  if (on_read_) on_read_(block.part.extent, block.bytes);
  if (block.part.kind == DeltaKind::unmap) {
    segments_.push_back({ChangeKind::unmap, false, block.part.extent, 0});
    return true;
  }
  plan_data_ += block.bytes.size();
  block_ = std::move(block.bytes);
  base_block_ = std::move(block.base);
  look_at_base(block.part.extent.offset);
  split_block(block.part.extent);
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
  data->content.reserve(kPieceContent);
  append(data->content, ByteView(block_).subspan(segment.offset, segment.extent.length));
}

void PieceReader::add(PatchDraft& patch, const Segment& segment) const {
  const auto append_part = [&](AlignedBytes& to, const AlignedBytes& block) {
    to.reserve(kPieceContent);
    append(to, ByteView(block).subspan(segment.offset, segment.extent.length));
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
      if (base_.references != nullptr) {
        base_.references->add_to(patch);
        base_.references->sent(patch.extents, patch.content);
      }
      cut.body = std::move(patch);
    } else {
      Piece piece = gather_piece();
      cut.end = end_of(piece);
      const auto* data = std::get_if<DataFrame>(&piece);
      if (data != nullptr && base_.references != nullptr)
        base_.references->sent(data->extents, data->content);
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
