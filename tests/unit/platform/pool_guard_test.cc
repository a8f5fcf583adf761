// How much of a pool may be used.
#include "platform/pool_guard.h"

#include <gtest/gtest.h>

namespace bsr {
namespace {

ThinPoolStatus status(uint64_t total_data, uint64_t used_data, uint64_t total_metadata,
                      uint64_t used_metadata) {
  ThinPoolStatus status;
  status.total_data = total_data;
  status.used_data = used_data;
  status.total_metadata = total_metadata;
  status.used_metadata = used_metadata;
  return status;
}

TEST(PoolRoom, IsWhatIsFreeAboveTheReserve) {
  EXPECT_EQ((PoolRoom{8500, 8900}), room_above({5}, status(10000, 1000, 10000, 600)));
  EXPECT_EQ((PoolRoom{9000 - 2, 9400 - 32}), room_above({0}, status(10000, 1000, 10000, 600)));
}

TEST(PoolRoom, IsNothingAtTheReserveAndBelow) {
  EXPECT_EQ(0U, room_above({10}, status(1000, 900, 1000, 0)).chunks);
  EXPECT_EQ(0U, room_above({10}, status(1000, 950, 1000, 0)).chunks);
  EXPECT_EQ(0U, room_above({10}, status(1000, 2000, 1000, 0)).chunks);
  EXPECT_EQ(0U, room_above({100}, status(1000, 0, 1000, 0)).chunks);
  EXPECT_EQ(0U, room_above({0}, status(1, 0, 8, 0)).chunks);
  EXPECT_EQ(0U, room_above({0}, status(1000, 0, 1000, 968)).metadata_blocks);
  EXPECT_EQ(1U, room_above({0}, status(1000, 0, 1000, 967)).metadata_blocks);
}

TEST(PoolNeed, IsInWholeChunksAndLeaves) {
  EXPECT_EQ((PoolRoom{0, 0}), least_need(0, 65536));
  EXPECT_EQ((PoolRoom{1, 1}), least_need(512, 65536));
  EXPECT_EQ((PoolRoom{252, 1}), least_need(252 * 65536, 65536));
  EXPECT_EQ((PoolRoom{253, 2}), least_need(252 * 65536 + 1, 65536));
}

}  // namespace
}  // namespace bsr
