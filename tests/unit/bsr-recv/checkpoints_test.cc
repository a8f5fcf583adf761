#include "bsr-recv/checkpoints.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace bsr {
namespace {

constexpr uint64_t kDue = 64ULL << 20;  // of the stream
constexpr std::chrono::seconds kPatience{20};

/// Flushes when it is told to, and says what it was asked for.
class SlowSink final : public VolumeSink {
 public:
  void write(std::span<const Extent>, AlignedBytes) override {}
  void zero(Extent) override {}
  void wait() override { asked += "wait "; }
  void sync() override {
    asked += "sync ";
    if (may_flush.get_future().wait_for(kPatience) != std::future_status::ready)
      fail(ErrorKind::failed, "nothing went on while it flushed");
    if (fails) fail(ErrorKind::failed, "the disk is gone");
  }

  std::promise<void> may_flush;
  bool fails = false;
  std::string asked;
};

ResumePoint at(uint64_t position) {
  ResumePoint point;
  point.position = position;
  return point;
}

class CheckpointsTest : public testing::Test {
 protected:
  SlowSink sink_;
  std::vector<uint64_t> recorded_;
  Checkpoints checkpoints_{
      sink_, at(0), [this](const ResumePoint& point) { recorded_.push_back(point.position); }};
};

TEST_F(CheckpointsTest, NothingIsFlushedBeforeItIsDue) {
  checkpoints_.passed(at(1), kDue - 1);
  checkpoints_.settle();
  EXPECT_EQ("", sink_.asked);
  EXPECT_TRUE(recorded_.empty());
}

/// What passed while it flushed is not in what it flushed.
TEST_F(CheckpointsTest, TheStreamGoesOnWhileItFlushes) {
  checkpoints_.passed(at(1), kDue);
  checkpoints_.passed(at(2), 2 * kDue);
  sink_.may_flush.set_value();
  checkpoints_.settle();
  EXPECT_EQ("wait sync ", sink_.asked);
  EXPECT_EQ(std::vector<uint64_t>{1}, recorded_);
}

TEST_F(CheckpointsTest, AFailedFlushShowsAndNothingIsRecorded) {
  sink_.fails = true;
  checkpoints_.passed(at(1), kDue);
  sink_.may_flush.set_value();
  EXPECT_THROW(checkpoints_.record(), Error);
  EXPECT_TRUE(recorded_.empty());
}

/// What came last, though nothing was due.
TEST_F(CheckpointsTest, RecordsTheLastPointAtOnce) {
  sink_.may_flush.set_value();
  checkpoints_.passed(at(7), 100);
  checkpoints_.record();
  EXPECT_EQ("wait sync ", sink_.asked);
  EXPECT_EQ(std::vector<uint64_t>{7}, recorded_);
  checkpoints_.record();
  EXPECT_EQ(std::vector<uint64_t>{7}, recorded_);
}

/// What an earlier session recorded stays as it is.
TEST_F(CheckpointsTest, WhereItGoesOnIsNotRecordedAgain) {
  Checkpoints continued(sink_, at(5),
                        [this](const ResumePoint& point) { recorded_.push_back(point.position); });
  continued.record();
  EXPECT_EQ("", sink_.asked);
  EXPECT_TRUE(recorded_.empty());
  EXPECT_EQ(5U, continued.last().position);
}

}  // namespace
}  // namespace bsr
