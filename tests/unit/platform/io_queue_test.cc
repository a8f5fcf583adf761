#include "platform/io_queue.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <array>
#include <cerrno>
#include <set>

#include "platform/unique_fd.h"
#include "tests/fakes/temporary_folder.h"

namespace bsr {
namespace {

constexpr size_t kReads = 40;

/// A file whose bytes are their offsets, and a read of each byte.
class IoQueueTest : public testing::Test {
 protected:
  void SetUp() override {
    Bytes content(kReads);
    for (size_t i = 0; i < kReads; ++i) content[i] = static_cast<std::byte>(i);
    file_ = UniqueFd(open(folder_.write("file", content).c_str(), O_RDONLY | O_CLOEXEC));
    std::vector<IoQueue::Request> reads;
    for (size_t i = 0; i < kReads; ++i)
      reads.push_back({.fd = file_.get(), .offset = i, .pieces = {{&bytes_[i], 1}}, .tag = i});
    queue_.start(std::move(reads));
  }

  TemporaryFolder folder_;
  UniqueFd file_;
  std::array<std::byte, kReads> bytes_{};
  IoQueue queue_{3};
};

TEST_F(IoQueueTest, WaitsForTheOneThatIsAskedFor) {
  for (size_t left = kReads; left > 0; --left) {
    EXPECT_EQ(left, queue_.in_flight());
    const IoQueue::Done done = queue_.wait_for(left - 1);
    EXPECT_EQ(left - 1, done.tag);
    EXPECT_EQ(1, done.result);
    EXPECT_EQ(static_cast<std::byte>(left - 1), bytes_.at(left - 1));
  }
  EXPECT_EQ(0U, queue_.in_flight());
}

TEST_F(IoQueueTest, TheOthersAreStillThere) {
  std::set<uint64_t> tags = {queue_.wait_for(kReads / 2).tag};
  while (queue_.in_flight() > 0) tags.insert(queue_.wait().tag);
  EXPECT_EQ(kReads, tags.size());
}

TEST_F(IoQueueTest, AFailureIsAResult) {
  queue_.read(-1, 0, {bytes_.data(), 1}, kReads);
  EXPECT_EQ(-EBADF, queue_.wait_for(kReads).result);
}

}  // namespace
}  // namespace bsr
