// Sizes that people type.
#include "base/units.h"

#include <gtest/gtest.h>

namespace bsr {
namespace {

TEST(ParseBytes, ReadsPowersOf1024) {
  EXPECT_EQ(0U, parse_bytes("0"));
  EXPECT_EQ(17U, parse_bytes("17"));
  EXPECT_EQ(500U << 10, parse_bytes("500K"));
  EXPECT_EQ(20U << 20, parse_bytes("20M"));
  EXPECT_EQ(1U << 30, parse_bytes("1G"));
  EXPECT_EQ(2ULL << 40, parse_bytes("2T"));
  EXPECT_EQ(INT64_MAX, parse_bytes("9223372036854775807"));
}

TEST(ParseBytes, RefusesEverythingElse) {
  for (const char* text : {"", "K", "-1", "+1", " 1", "1 ", "1KB", "1KiB", "1k", "1.5M", "0x10",
                           "1\n", "9223372036854775808", "8388608T", "99999999999999999999"})
    EXPECT_EQ(std::nullopt, parse_bytes(text)) << text;
}

}  // namespace
}  // namespace bsr
