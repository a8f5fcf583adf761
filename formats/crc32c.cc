// CRC-32C, eight bytes per step.
#include "formats/crc32c.h"

#include <array>

namespace bsr {
namespace {

constexpr uint32_t kPolynomial = 0x82f63b78;  // bit-reversed
constexpr size_t kStep = 8;

/// tables[n][b]: what byte b contributes when n more bytes follow it within the step.
using Tables = std::array<std::array<uint32_t, 256>, kStep>;

constexpr Tables make_tables() {
  Tables tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? kPolynomial : 0);
    tables[0][byte] = crc;
  }
  for (size_t n = 1; n < kStep; ++n)
    for (size_t byte = 0; byte < 256; ++byte) {
      const uint32_t crc = tables[n - 1][byte];
      tables[n][byte] = (crc >> 8) ^ tables[0][crc & 0xff];
    }
  return tables;
}

constexpr Tables kTables = make_tables();

}  // namespace

uint32_t crc32c_update(uint32_t crc, ByteView bytes) {
  while (bytes.size() >= kStep) {
    const uint64_t word = load_le<uint64_t>(bytes, 0) ^ crc;
    crc = 0;
    for (size_t i = 0; i < kStep; ++i) crc ^= kTables[kStep - 1 - i][(word >> (8 * i)) & 0xff];
    bytes = bytes.subspan(kStep);
  }
  for (const std::byte byte : bytes)
    crc = (crc >> 8) ^ kTables[0][(crc ^ std::to_integer<uint32_t>(byte)) & 0xff];
  return crc;
}

}  // namespace bsr
