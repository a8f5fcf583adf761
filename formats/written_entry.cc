#include "formats/written_entry.h"

#include "base/error.h"

namespace bsr {
namespace {

constexpr uint64_t kEnd = INT64_MAX;  // no volume reaches farther
constexpr size_t kHashSize = 16;

void append_number(Bytes& out, uint64_t value) {
  while (value >= 0x80) {
    out.push_back(static_cast<std::byte>(value | 0x80));
    value >>= 7;
  }
  out.push_back(static_cast<std::byte>(value));
}

[[noreturn]] void fail_entry() {
  fail(ErrorKind::corrupt, "the log of what was written holds something else");
}

/// Nullopt at the end of the bytes.
std::optional<uint64_t> take_number(ByteView& bytes) {
  uint64_t value = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = std::to_integer<uint64_t>(bytes[i]);
    if (7 * i >= 63) fail_entry();
    value |= (byte & 0x7f) << (7 * i);
    if ((byte & 0x80) != 0) continue;
    bytes = bytes.subspan(i + 1);
    return value;
  }
  return std::nullopt;
}

/// Behind `cursor`, which moves to its end.
std::optional<Extent> take_extent(ByteView& bytes, uint64_t& cursor) {
  const std::optional<uint64_t> gap = take_number(bytes);
  if (!gap) return std::nullopt;
  const std::optional<uint64_t> length = take_number(bytes);
  if (!length) return std::nullopt;
  if (*gap > kEnd - cursor || *length == 0 || *length > kEnd - cursor - *gap) fail_entry();
  const Extent extent = {cursor + *gap, *length};
  cursor = extent.end();
  return extent;
}

}  // namespace

void append_entry(const WrittenEntry& entry, Bytes& out) {
  append_number(out, 2 * entry.extents.size() + (entry.hash ? 0U : 1U));
  uint64_t cursor = 0;
  for (const Extent& extent : entry.extents) {
    if (extent.offset < cursor || extent.offset > kEnd || extent.length == 0 ||
        extent.length > kEnd - extent.offset)
      fail(ErrorKind::corrupt, "written areas do not ascend at {}+{}", extent.offset,
           extent.length);
    append_number(out, extent.offset - cursor);
    append_number(out, extent.length);
    cursor = extent.end();
  }
  if (!entry.hash) return;
  append_le(out, entry.hash->low);
  append_le(out, entry.hash->high);
}

std::optional<WrittenEntry> take_entry(ByteView& bytes) {
  ByteView rest = bytes;
  const std::optional<uint64_t> head = take_number(rest);
  if (!head) return std::nullopt;
  const uint64_t count = *head / 2;
  if (count == 0 || count > stream::kMaxExtents) fail_entry();
  WrittenEntry entry;
  uint64_t cursor = 0;
  while (entry.extents.size() < count) {
    const std::optional<Extent> extent = take_extent(rest, cursor);
    if (!extent) return std::nullopt;
    entry.extents.push_back(*extent);
  }
  if (*head % 2 == 0) {
    if (rest.size() < kHashSize) return std::nullopt;
    entry.hash = {load_le<uint64_t>(rest, 0), load_le<uint64_t>(rest, 8)};
    rest = rest.subspan(kHashSize);
  }
  bytes = rest;
  return entry;
}

}  // namespace bsr
