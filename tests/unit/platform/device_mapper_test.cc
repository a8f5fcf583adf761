// Names and status lines of the device mapper. The status lines are what Linux 6.1 printed.
#include "platform/device_mapper.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bsr {
namespace {

using Mode = ThinPoolStatus::Mode;

ErrorKind kind_thrown_for(std::string_view status) {
  try {
    (void)parse_thin_pool_status(status);
  } catch (const Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << "accepted: " << status;
  return ErrorKind::usage;
}

TEST(DeviceMapperName, DoublesHyphens) {
  EXPECT_EQ("vg0-lv", device_mapper_name({"vg0", "lv"}));
  EXPECT_EQ("a--b-c----d", device_mapper_name({"a-b", "c--d"}));
  EXPECT_EQ("vg0-my--pool-tpool", pool_device({"vg0", "my-pool"}));
}

TEST(DeviceMapperName, IsReadBackAsTheSameVolume) {
  for (const VolumeName& name :
       {VolumeName{"vg-", "a--b"}, VolumeName{"a.b+c_d", "x"}, VolumeName{"a-b-c", "d-"}})
    EXPECT_EQ(name, parse_volume_name("/dev/mapper/" + device_mapper_name(name)));
}

TEST(ThinPoolStatus, ReadsAHealthyPool) {
  const ThinPoolStatus status =
      parse_thin_pool_status("6 216/2048 17/4800 - rw discard_passdown queue_if_no_space - 512 ");
  EXPECT_EQ(6U, status.transaction_id);
  EXPECT_EQ(216U, status.used_metadata);
  EXPECT_EQ(2048U, status.total_metadata);
  EXPECT_EQ(17U, status.used_data);
  EXPECT_EQ(4800U, status.total_data);
  EXPECT_FALSE(status.held_root);
  EXPECT_EQ(Mode::read_write, status.mode);
  EXPECT_EQ(Discards::passdown, status.discards);
  EXPECT_FALSE(status.error_if_no_space);
  EXPECT_FALSE(status.needs_check);
}

TEST(ThinPoolStatus, ReadsWhoHoldsAMetadataSnapshot) {
  EXPECT_EQ(38U, parse_thin_pool_status(
                     "6 216/2048 0/4800 38 rw discard_passdown queue_if_no_space - 512 ")
                     .held_root);
}

TEST(ThinPoolStatus, ReadsEveryMode) {
  EXPECT_EQ(
      Mode::read_only,
      parse_thin_pool_status("1 2/3 4/5 - ro no_discard_passdown error_if_no_space needs_check 9")
          .mode);
  EXPECT_EQ(
      Mode::out_of_data_space,
      parse_thin_pool_status("1 2/3 5/5 - out_of_data_space ignore_discard queue_if_no_space - 9")
          .mode);
  EXPECT_EQ(Mode::failed, parse_thin_pool_status("Fail").mode);
  EXPECT_EQ(Mode::failed, parse_thin_pool_status("Error").mode);
}

TEST(ThinPoolStatus, ReadsTheFlags) {
  const ThinPoolStatus status =
      parse_thin_pool_status("1 2/3 4/5 - ro no_discard_passdown error_if_no_space needs_check 9");
  EXPECT_EQ(Discards::no_passdown, status.discards);
  EXPECT_TRUE(status.error_if_no_space);
  EXPECT_TRUE(status.needs_check);
  EXPECT_EQ(Discards::ignore,
            parse_thin_pool_status("1 2/3 4/5 - rw ignore_discard queue_if_no_space").discards);
}

TEST(ThinPoolStatus, TakesOlderAndNewerKernels) {
  EXPECT_FALSE(
      parse_thin_pool_status("1 2/3 4/5 - rw discard_passdown queue_if_no_space").needs_check);
  EXPECT_EQ(1U,
            parse_thin_pool_status("1 2/3 4/5 - rw discard_passdown queue_if_no_space - 512 more")
                .transaction_id);
}

TEST(ThinPoolStatus, RefusesWhatIsNone) {
  for (const std::string_view text :
       {"", " ", "x", "1", "1 2", "1 2/3 4/", "1 2/3 /5",
        "-1 2/3 4/5 - rw discard_passdown queue_if_no_space",
        "1 2/3 4/5 x rw discard_passdown queue_if_no_space",
        "1 2/3 4/5 - up discard_passdown queue_if_no_space",
        "1 2/3 4/5 - rw discard queue_if_no_space", "1 2/3 4/5 - rw discard_passdown queue",
        "99999999999999999999 2/3 4/5 - rw discard_passdown queue_if_no_space"})
    EXPECT_EQ(ErrorKind::failed, kind_thrown_for(text));
}

}  // namespace
}  // namespace bsr
