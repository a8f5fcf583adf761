#include "bsr-recv/checkpoints.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "base/error.h"
#include "platform/block_sink.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thrown_error.h"

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
    if (leave_.wait_for(kPatience) != std::future_status::ready)
      fail(ErrorKind::failed, "nothing went on while it flushed");
    if (fails) fail(ErrorKind::failed, "the disk is gone");
  }

  std::promise<void> may_flush;
  bool fails = false;
  std::string asked;

 private:
  std::shared_future<void> leave_ = may_flush.get_future().share();
};

ResumePoint at(uint64_t position) {
  ResumePoint point;
  point.position = position;
  return point;
}

/// A stream that goes on at `position`, with this much content in all.
BeginFrame stream(uint64_t position, uint64_t content = 0) {
  BeginFrame begin;
  begin.resume = at(position);
  begin.plan_data = content;
  return begin;
}

class CheckpointsTest : public testing::Test {
 protected:
  SlowSink sink_;
  std::vector<uint64_t> recorded_;
  WrittenLog log_;
  Checkpoints checkpoints_{
      sink_, log_, nullptr, stream(0, 1 << 20),
      [this](const ResumePoint& point, uint64_t) { recorded_.push_back(point.position); }};
};

TEST_F(CheckpointsTest, NothingIsFlushedBeforeItIsDue) {
  checkpoints_.passed(at(1), kDue - 1, 1 << 20);
  checkpoints_.settle();
  EXPECT_EQ("", sink_.asked);
  EXPECT_TRUE(recorded_.empty());
}

/// What passed while it flushed is not in what it flushed, and has its turn at once.
TEST_F(CheckpointsTest, TheStreamGoesOnWhileItFlushes) {
  checkpoints_.passed(at(1), kDue, 0);
  checkpoints_.passed(at(2), 2 * kDue, 0);
  sink_.may_flush.set_value();
  checkpoints_.settle();
  EXPECT_EQ("wait sync ", sink_.asked);
  EXPECT_EQ(std::vector<uint64_t>{1}, recorded_);
  checkpoints_.passed(at(3), 2 * kDue + 1, 0);
  checkpoints_.settle();
  EXPECT_EQ("wait sync wait sync ", sink_.asked);
  EXPECT_EQ((std::vector<uint64_t>{1, 3}), recorded_);
}

/// A stream that stands still then would bring no other.
TEST_F(CheckpointsTest, WhatIsUnderWayIsRecordedWhenARecordBecomesDue) {
  const TemporaryFolder folder;
  const BlockFile file(folder.write("volume", Bytes(4096)), BlockFile::Access::read);
  ReadBack read_back(file, log_);
  Checkpoints checkpoints(
      sink_, log_, &read_back, stream(0, 32U << 20),
      [this](const ResumePoint& point, uint64_t) { recorded_.push_back(point.position); });
  checkpoints.passed(at(1), 1, 2U << 20);
  checkpoints.passed(at(2), kDue, 3U << 20);
  sink_.may_flush.set_value();
  checkpoints.settle();
  EXPECT_EQ("wait sync ", sink_.asked);
  EXPECT_EQ(std::vector<uint64_t>{1}, recorded_);
}

TEST_F(CheckpointsTest, AFailedFlushShowsAndNothingIsRecorded) {
  sink_.fails = true;
  checkpoints_.passed(at(1), kDue, 0);
  sink_.may_flush.set_value();
  EXPECT_THROW(checkpoints_.record(), Error);
  EXPECT_TRUE(recorded_.empty());
}

/// What came last, though nothing was due.
TEST_F(CheckpointsTest, RecordsTheLastPointAtOnce) {
  sink_.may_flush.set_value();
  checkpoints_.passed(at(7), 100, 0);
  checkpoints_.record();
  EXPECT_EQ("wait sync ", sink_.asked);
  EXPECT_EQ(std::vector<uint64_t>{7}, recorded_);
  checkpoints_.record();
  EXPECT_EQ(std::vector<uint64_t>{7}, recorded_);
  checkpoints_.record_again();
  EXPECT_EQ((std::vector<uint64_t>{7, 7}), recorded_);
}

/// What an earlier session recorded stays as it is.
TEST_F(CheckpointsTest, WhereItGoesOnIsNotRecordedAgain) {
  Checkpoints continued(
      sink_, log_, nullptr, stream(5),
      [this](const ResumePoint& point, uint64_t) { recorded_.push_back(point.position); });
  continued.record();
  EXPECT_EQ("", sink_.asked);
  EXPECT_TRUE(recorded_.empty());
}

/// A file to which something was written that it may not hold.
class ReadBackCheckpoints : public testing::Test {
 protected:
  static constexpr uint64_t kContent = 160U << 20;
  static constexpr uint64_t kStep = 10U << 20;

  void write(uint64_t offset) {
    sink_.write(std::vector<Extent>{{offset, 4096}}, AlignedBytes(4096, std::byte{7}));
  }
  void damage(uint64_t offset) {
    sink_.wait();
    ASSERT_EQ(1, pwrite(target_.file().fd(), "x", 1, static_cast<off_t>(offset)));
  }

  TemporaryFolder folder_;
  BlockSink target_{BlockFile(folder_.write("volume", Bytes(1 << 20)), BlockFile::Access::write),
                    std::nullopt};
  WrittenLog log_{folder_.path("log"), 0};
  LoggedSink sink_{target_, log_};
  ReadBack read_back_{target_.file(), log_};
  std::vector<uint64_t> recorded_;
  std::vector<uint64_t> logged_;
  Checkpoints checkpoints_{sink_, log_, &read_back_, stream(0, kContent),
                           [this](const ResumePoint& point, uint64_t logged) {
                             recorded_.push_back(point.position);
                             logged_.push_back(logged);
                             EXPECT_LE(logged, std::filesystem::file_size(folder_.path("log")));
                           }};
};

TEST_F(ReadBackCheckpoints, WhatIsRecordedWasReadBack) {
  write(0);
  checkpoints_.passed(at(4096), kDue, 0);
  const uint64_t first = log_.length();
  checkpoints_.settle();
  EXPECT_EQ(first, read_back_.done());
  write(4096);
  damage(4097);
  checkpoints_.passed(at(8192), 2 * kDue, 0);
  EXPECT_EQ(ErrorKind::verify, kind_thrown_by([this] { checkpoints_.settle(); }));
  EXPECT_EQ(std::vector<uint64_t>{4096}, recorded_);
  EXPECT_EQ(std::vector<uint64_t>{first}, logged_);
  // Not when the session ends with that, either.
  EXPECT_EQ(ErrorKind::verify, kind_thrown_by([this] { checkpoints_.record(); }));
  EXPECT_EQ(std::vector<uint64_t>{4096}, recorded_);
}

/// In small steps, which are not recorded: hardly anything is left to read when the stream ends.
TEST_F(ReadBackCheckpoints, ASmallStreamIsReadBackWhileItComes) {
  write(0);
  checkpoints_.passed(at(4096), 1, kStep - 1);
  checkpoints_.settle();
  EXPECT_EQ(0U, read_back_.done());
  checkpoints_.passed(at(4096), 2, kStep);
  checkpoints_.settle();
  EXPECT_EQ(log_.length(), read_back_.done());
  EXPECT_TRUE(recorded_.empty());
  write(4096);
  checkpoints_.passed(at(8192), 3, 2 * kStep - 1);
  checkpoints_.settle();
  EXPECT_GT(log_.length(), read_back_.done());
  damage(4096);
  checkpoints_.passed(at(8192), 4, 2 * kStep);
  EXPECT_EQ(ErrorKind::verify, kind_thrown_by([this] { checkpoints_.settle(); }));
}

/// However small the stream is, or when it does not say how large it is.
TEST_F(ReadBackCheckpoints, AStepIsNotSmallerThanAFlushIsWorth) {
  const auto step_of = [this](uint64_t content) {
    ReadBack read_back(target_.file(), log_);
    Checkpoints checkpoints(sink_, log_, &read_back, stream(0, content),
                            [](const ResumePoint&, uint64_t) {});
    write(0);
    for (uint64_t mib = 1;; ++mib) {
      checkpoints.passed(at(4096), 0, mib << 20U);
      checkpoints.settle();
      if (read_back.done() > 0) return mib;
    }
  };
  EXPECT_EQ(1U, step_of(512));
  EXPECT_EQ(2U, step_of(32U << 20));
  EXPECT_EQ(64U, step_of(uint64_t{1} << 40));
  EXPECT_EQ(64U, step_of(0));
}

/// A session that continues has the log up to there, and writes what follows once more.
TEST_F(ReadBackCheckpoints, ARecordNamesTheLogOfWhatLiesBeforeIt) {
  write(0);
  checkpoints_.passed(at(4096), 1, 0);
  const uint64_t passed = log_.length();
  write(4096);
  checkpoints_.record();
  EXPECT_EQ(std::vector<uint64_t>{4096}, recorded_);
  EXPECT_EQ(std::vector<uint64_t>{passed}, logged_);
}

TEST_F(ReadBackCheckpoints, WhatCameBehindTheLastPointIsReadBackAtTheEnd) {
  write(0);
  checkpoints_.passed(at(4096), kDue, 0);
  write(4096);
  checkpoints_.settle();
  sink_.flush();
  damage(4096);
  EXPECT_EQ(ErrorKind::verify, kind_thrown_by([this] { checkpoints_.finish(); }));
}

}  // namespace
}  // namespace bsr
