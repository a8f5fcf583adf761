// Ranges of bytes and their overlap.
#include "base/extent.h"

#include <gtest/gtest.h>

namespace bsr {
namespace {

TEST(Extent, EndsBehindItsLastByte) { EXPECT_EQ(4608U, (Extent{4096, 512}.end())); }

TEST(Extent, ClipsToWhatLiesInside) {
  EXPECT_EQ((Extent{10, 5}), clip({10, 5}, 0, 100));
  EXPECT_EQ((Extent{12, 3}), clip({10, 5}, 12, 100));
  EXPECT_EQ((Extent{10, 2}), clip({10, 5}, 0, 12));
  EXPECT_EQ((Extent{11, 2}), clip({10, 5}, 11, 13));
}

TEST(Extent, ClipsToNothingWhereNothingOverlaps) {
  EXPECT_EQ(std::nullopt, clip({10, 5}, 15, 100));
  EXPECT_EQ(std::nullopt, clip({10, 5}, 0, 10));
  EXPECT_EQ(std::nullopt, clip({10, 5}, 12, 12));
  EXPECT_EQ(std::nullopt, clip({10, 5}, 13, 12));
  EXPECT_EQ(std::nullopt, clip({10, 0}, 0, 100));
}

}  // namespace
}  // namespace bsr
