// What LVM would refuse only at the commit.
#include "platform/next_snapshot.h"

#include <gtest/gtest.h>

#include "tests/unit/platform/lvm_report_fixture.h"

namespace bsr {
namespace {

const VolumeName kPool{"vg", "pool"};

ThinPoolStatus status_of(uint64_t used_data, uint64_t used_metadata) {
  ThinPoolStatus status;
  status.transaction_id = 7;
  status.used_data = used_data;
  status.total_data = 1000;
  status.used_metadata = used_metadata;
  status.total_metadata = 2048;
  status.mode = ThinPoolStatus::Mode::read_write;
  return status;
}

std::string refusal(ErrorKind kind, const ThinPoolStatus& status, const SnapshotRule& rule,
                    const PoolRoom& more = {}) {
  return text_thrown_by(kind, [&] { check_rule(kPool, rule, status, more); });
}

TEST(NextSnapshot, IsRefusedAboveTheThresholdOnceEverythingHasCome) {
  const SnapshotRule rule{7, 70};
  check_rule(kPool, rule, status_of(600, 10), {100, 1});
  const std::string text = refusal(ErrorKind::no_space, status_of(600, 10), rule, {101, 1});
  EXPECT_NE(std::string::npos, text.find("would be 70 % full with data")) << text;
  EXPECT_NE(std::string::npos, text.find("above 70 %")) << text;
  check_rule(kPool, {7, 100}, status_of(1000, 10), {});
}

TEST(NextSnapshot, NeedsMetadataThatIsFree) {
  check_rule(kPool, {7, 100}, status_of(10, 1500), {10, 35});
  EXPECT_NE("nothing thrown",
            refusal(ErrorKind::no_space, status_of(10, 1500), {7, 100}, {10, 36}));
  EXPECT_NE("nothing thrown", refusal(ErrorKind::no_space, status_of(10, 1500), {7, 70}));
  ThinPoolStatus large = status_of(10, 90'000);
  large.total_metadata = 100'000;
  check_rule(kPool, {7, 100}, large, {1, 1});
}

TEST(NextSnapshot, NeedsTheSameTransactionOnBothSides) {
  EXPECT_NE(std::string::npos,
            refusal(ErrorKind::failed, status_of(1, 1), {8, 100}).find("transaction 7"));
  check_rule(kPool, {8, 100, true}, status_of(1, 1), {});  // it will be
  ThinPoolStatus unchecked = status_of(1, 1);
  unchecked.needs_check = true;
  EXPECT_NE("nothing thrown", refusal(ErrorKind::failed, unchecked, {7, 100}));
}

TEST(NextSnapshot, GetsANumberAboveThoseOfThePool) {
  std::vector<LogicalVolume> volumes(3);
  volumes[0].pool = "pool";
  volumes[0].thin_id = 3;
  volumes[1].pool = "other";
  volumes[1].thin_id = 9;
  volumes[2].name.lv = "linear";
  check_next_thin_id(kPool, volumes, {1, 3, 5, 10});
  const std::string text = text_thrown_by(ErrorKind::failed, [&] {
    check_next_thin_id(kPool, volumes, {3, 4});
  });
  EXPECT_NE(std::string::npos, text.find("(dmsetup message vg-pool-tpool 0 'delete 4')")) << text;
  EXPECT_NE("nothing thrown",
            text_thrown_by(ErrorKind::failed, [&] { check_next_thin_id(kPool, {}, {1}); }));
}

}  // namespace
}  // namespace bsr
