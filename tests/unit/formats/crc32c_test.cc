// CRC-32C against the value that every description of it has.
#include "formats/crc32c.h"

#include <gtest/gtest.h>

#include <string_view>

namespace bsr {
namespace {

TEST(Crc32c, MatchesThePublishedCheckValue) {
  const std::string_view text = "123456789";
  EXPECT_EQ(0xe3069283, ~crc32c_update(~uint32_t{0}, std::as_bytes(std::span(text))));
}

TEST(Crc32c, DoesNotDependOnHowTheBytesAreCut) {
  Bytes bytes(100);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * 37);
  const uint32_t whole = crc32c_update(5, bytes);
  for (size_t cut = 0; cut <= bytes.size(); ++cut)
    EXPECT_EQ(whole, crc32c_update(crc32c_update(5, ByteView(bytes).first(cut)),
                                   ByteView(bytes).subspan(cut)));
}

TEST(Crc32c, OfManyBytesIsThatOfEachByteInTurn) {
  Bytes bytes(1000);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i * i * 37);
  uint32_t by_one = 7;
  for (const std::byte byte : bytes) by_one = crc32c_update(by_one, ByteView(&byte, 1));
  EXPECT_EQ(by_one, crc32c_update(7, bytes));
}

}  // namespace
}  // namespace bsr
