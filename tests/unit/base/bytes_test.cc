// Integers in byte order.
#include "base/bytes.h"

#include <gtest/gtest.h>

namespace bsr {
namespace {

Bytes bytes_of(std::initializer_list<int> values) {
  Bytes bytes;
  for (const int value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(Bytes, LittleEndianBeginsWithTheLowestByte) {
  Bytes bytes;
  append_le(bytes, uint16_t{0x0102});
  append_le(bytes, uint32_t{0x03040506});
  append_le(bytes, uint64_t{0x0708090a0b0c0d0e});

  EXPECT_EQ(bytes_of({2, 1, 6, 5, 4, 3, 0xe, 0xd, 0xc, 0xb, 0xa, 9, 8, 7}), bytes);
  EXPECT_EQ(0x0102, load_le<uint16_t>(bytes, 0));
  EXPECT_EQ(0x03040506U, load_le<uint32_t>(bytes, 2));
  EXPECT_EQ(0x0708090a0b0c0d0eU, load_le<uint64_t>(bytes, 6));
}

TEST(Bytes, BigEndianBeginsWithTheHighestByte) {
  Bytes bytes;
  append_be(bytes, uint16_t{0x0102});
  append_be(bytes, uint32_t{0x03040506});
  append_be(bytes, uint64_t{0x0708090a0b0c0d0e});

  EXPECT_EQ(bytes_of({1, 2, 3, 4, 5, 6, 7, 8, 9, 0xa, 0xb, 0xc, 0xd, 0xe}), bytes);
  EXPECT_EQ(0x0102, load_be<uint16_t>(bytes, 0));
  EXPECT_EQ(0x03040506U, load_be<uint32_t>(bytes, 2));
  EXPECT_EQ(0x0708090a0b0c0d0eU, load_be<uint64_t>(bytes, 6));
}

TEST(Bytes, ExtremesComeBack) {
  for (const uint64_t value : {uint64_t{0}, uint64_t{1}, uint64_t{INT64_MAX}, UINT64_MAX}) {
    Bytes bytes;
    append_le(bytes, value);
    append_be(bytes, value);
    EXPECT_EQ(value, load_le<uint64_t>(bytes, 0));
    EXPECT_EQ(value, load_be<uint64_t>(bytes, 8));
  }
  Bytes bytes;
  append_le(bytes, INT64_MIN);
  EXPECT_EQ(INT64_MIN, load_le<int64_t>(bytes, 0));
}

TEST(Bytes, PlacesNeedNoAlignment) {
  for (size_t offset = 0; offset < 8; ++offset) {
    Bytes bytes(16);
    store_le(bytes, offset, uint64_t{0x1122334455667788});
    EXPECT_EQ(0x1122334455667788U, load_le<uint64_t>(bytes, offset));
    EXPECT_EQ(0x8877665544332211U, load_be<uint64_t>(bytes, offset));
  }
}

TEST(Bytes, StoringTouchesNothingElse) {
  Bytes bytes(6, std::byte{0xff});
  store_le(bytes, 1, uint32_t{0});

  EXPECT_EQ(bytes_of({0xff, 0, 0, 0, 0, 0xff}), bytes);
}

}  // namespace
}  // namespace bsr
