#include "formats/extent_codec.h"

#include "base/error.h"
#include "base/sector.h"
#include "formats/stream_format.h"

namespace bsr {
namespace {

void append_number(Bytes& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::byte>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::byte>(value));
}

}  // namespace

void ExtentEncoder::append(const DeltaExtent& extent, Bytes& out) {
  const auto& [offset, length] = extent.extent;
  if (offset < cursor_ || length == 0 || (offset | length) % kSectorSize != 0 ||
      length > INT64_MAX || offset > INT64_MAX)
    fail(ErrorKind::corrupt, "changed areas do not ascend in whole sectors at {}+{}", offset,
         length);
  const uint64_t gap = (offset - cursor_) / kSectorSize;
  append_number(out, (gap << 1) | (extent.kind == DeltaKind::unmap ? 1U : 0U));
  append_number(out, length / kSectorSize);
  cursor_ = extent.extent.end();
}

DeltaExtent ExtentDecoder::extent(uint64_t gap_and_kind, std::optional<uint64_t> length) {
  if (!length) fail(ErrorKind::corrupt, "the list of changed areas is torn");
  constexpr uint64_t kMost = INT64_MAX / kSectorSize;
  DeltaExtent extent;
  extent.extent = {cursor_ + (gap_and_kind >> 1) * kSectorSize, *length * kSectorSize};
  if ((gap_and_kind >> 1) > kMost || *length == 0 || *length > kMost ||
      extent.extent.offset < cursor_ || extent.extent.offset > INT64_MAX)
    fail(ErrorKind::corrupt, "the list of changed areas has one of {} sectors at sector {}",
         *length, cursor_ / kSectorSize + (gap_and_kind >> 1));
  extent.kind = (gap_and_kind & 1) != 0 ? DeltaKind::unmap : DeltaKind::data;
  cursor_ = extent.extent.end();
  return extent;
}

}  // namespace bsr
