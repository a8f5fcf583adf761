#include "bsr-send/legacy_writer.h"

#include <algorithm>

#include "base/aligned_bytes.h"

namespace bsr {
namespace {

constexpr uint64_t kReadSize = 256 * 1024;

}  // namespace

void LegacyWriter::put(ByteView bytes) {
  output_.write_all({bytes});
  wire_bytes_ += bytes.size();
}

void LegacyWriter::put_data(Extent extent, VolumeReader& volume) {
  put(encoder_.data(extent));
  AlignedBytes buffer(std::min(extent.length, kReadSize));
  while (extent.length > 0) {
    const std::span<std::byte> piece(buffer.data(), std::min(extent.length, kReadSize));
    volume.read(extent.offset, piece);
    put(piece);
    extent = {extent.offset + piece.size(), extent.length - piece.size()};
    totals_.data_bytes += piece.size();
    meter_.update(totals_.data_bytes, wire_bytes_);
  }
}

Totals LegacyWriter::ship(DeltaSource& plan, VolumeReader& volume) {
  put(encoder_.begin());
  while (const std::optional<DeltaExtent> change = plan.next()) {
    ++totals_.frames;
    ++totals_.extents;
    if (change->kind == DeltaKind::data) {
      put_data(change->extent, volume);
    } else {
      put(encoder_.unmap(change->extent));
      totals_.unmap_bytes += change->extent.length;
    }
  }
  put(encoder_.end());
  return totals_;
}

}  // namespace bsr
