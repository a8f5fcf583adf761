// CRC-32C, eight bytes per step: by the processor where it can, else by tables.
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

uint32_t step(uint32_t crc, std::byte byte) {
  return (crc >> 8) ^ kTables[0][(crc ^ std::to_integer<uint32_t>(byte)) & 0xff];
}

#ifdef __x86_64__
const bool kHasInstruction = __builtin_cpu_supports("sse4.2") != 0;

[[gnu::target("sse4.2")]] uint32_t words_by_instruction(uint32_t crc, ByteView words) {
  uint64_t wide = crc;
  for (size_t at = 0; at < words.size(); at += kStep)
    wide = __builtin_ia32_crc32di(wide, load_le<uint64_t>(words, at));
  return static_cast<uint32_t>(wide);
}
#endif

uint32_t words_by_tables(uint32_t crc, ByteView words) {
  for (size_t at = 0; at < words.size(); at += kStep) {
    const uint64_t word = load_le<uint64_t>(words, at) ^ crc;
    crc = 0;
    for (size_t i = 0; i < kStep; ++i) crc ^= kTables[kStep - 1 - i][(word >> (8 * i)) & 0xff];
  }
  return crc;
}

}  // namespace

uint32_t crc32c_update(uint32_t crc, ByteView bytes) {
  const size_t in_words = bytes.size() / kStep * kStep;
#ifdef __x86_64__
  if (kHasInstruction)
    crc = words_by_instruction(crc, bytes.first(in_words));
  else
#endif
    crc = words_by_tables(crc, bytes.first(in_words));
  for (const std::byte byte : bytes.subspan(in_words)) crc = step(crc, byte);
  return crc;
}

}  // namespace bsr
