// A compact form of an ascending list of delta extents, for lists too long for memory: about five
// bytes each.
#pragma once

#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "formats/delta.h"

namespace bsr {

/// Writes extents as two LEB128 numbers each, in sectors of 512 bytes: gap to the previous extent
/// (its lowest bit the kind), then length.
class ExtentEncoder {
 public:
  /// Extents ascend without overlap and are whole sectors; else Error{corrupt}.
  void append(const DeltaExtent& extent, Bytes& out);

 private:
  uint64_t cursor_ = 0;
};

/// Reads them back from a byte source that yields one byte at a time, nullopt at the end.
class ExtentDecoder {
 public:
  /// `next_byte`: callable returning std::optional<std::byte>. Throws Error{corrupt} for a torn
  /// list.
  template <typename NextByte>
  std::optional<DeltaExtent> next(NextByte&& next_byte) {
    const std::optional<uint64_t> gap = number(next_byte);
    if (!gap) return std::nullopt;
    const std::optional<uint64_t> length = number(next_byte);
    return extent(*gap, length);
  }

 private:
  template <typename NextByte>
  std::optional<uint64_t> number(NextByte&& next_byte) {
    std::optional<uint64_t> value;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const std::optional<std::byte> byte = next_byte();
      if (!byte) return std::nullopt;
      value = value.value_or(0) | (std::to_integer<uint64_t>(*byte & std::byte{0x7f}) << shift);
      if ((*byte & std::byte{0x80}) == std::byte{0}) return value;
    }
    return std::nullopt;
  }
  DeltaExtent extent(uint64_t gap_and_kind, std::optional<uint64_t> length);

  uint64_t cursor_ = 0;
};

}  // namespace bsr
