// Waiting a moment for what is held.
#include "platform/patience.h"

#include <gtest/gtest.h>

namespace bsr {
namespace {

using std::chrono::milliseconds;

TEST(Patience, EndsOnceItsTimeIsOver) {
  const Patience patience(milliseconds(1));
  int turns = 0;
  while (patience.wait()) ++turns;
  EXPECT_LE(turns, 1);
  EXPECT_FALSE(patience.wait());
}

TEST(Patience, TriesAgainBeforeThat) { EXPECT_TRUE(Patience(milliseconds(60'000)).wait()); }

}  // namespace
}  // namespace bsr
