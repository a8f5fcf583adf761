// Both ends of a pipe when the other one is slow, silent, or gone.
#include "platform/fd_stream.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <thread>

#include "base/error.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

using namespace std::chrono_literals;

std::optional<ErrorKind> refusal(StallClock& clock, StallClock::Duration time) {
  const auto error = error_thrown_by([&] { clock.waited(time, "somebody"); });
  return error ? std::optional(error->kind()) : std::nullopt;
}

TEST(StallClock, CountsWaitingUntilSomethingIsDone) {
  StallClock clock(10s);
  EXPECT_EQ(std::nullopt, refusal(clock, 6s));
  clock.progress();
  EXPECT_EQ(std::nullopt, refusal(clock, 6s));
  EXPECT_EQ(ErrorKind::peer, refusal(clock, 4s));
}

TEST(StallClock, WithoutALimitWaitsForEver) {
  StallClock clock;
  EXPECT_EQ(std::nullopt, refusal(clock, 1'000'000s));
}

TEST(StallClock, ASignOfLifeIsForgivenAWaitOfHalfTheLimitAndMore) {
  StallClock clock(10s);
  for (int i = 0; i < 6; ++i) {
    EXPECT_EQ(std::nullopt, refusal(clock, 6s));  // more than the limit after the second
    clock.sign_of_life();
  }
  EXPECT_EQ(std::nullopt, refusal(clock, 4s));  // 36 s are forgiven, and these are not half
  clock.sign_of_life();
  EXPECT_EQ(ErrorKind::peer, refusal(clock, 6s));
}

TEST(StallClock, SignsOfLifeAreNotGivenBackByProgress) {
  StallClock clock(10s);
  for (int i = 0; i < 4; ++i) {
    EXPECT_EQ(std::nullopt, refusal(clock, 9s));
    clock.sign_of_life();
    clock.progress();
  }
  EXPECT_EQ(std::nullopt, refusal(clock, 9s));
  clock.sign_of_life();  // would be 45 s
  EXPECT_EQ(ErrorKind::peer, refusal(clock, 1s));
}

TEST(StallClock, SignsOfLifeAmongWorkCostNothing) {
  StallClock clock(10s);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(std::nullopt, refusal(clock, 4s));
    clock.sign_of_life();
    EXPECT_EQ(std::nullopt, refusal(clock, 4s));
    clock.progress();
  }
  EXPECT_EQ(std::nullopt, refusal(clock, 9s));
  clock.sign_of_life();
  EXPECT_EQ(std::nullopt, refusal(clock, 9s));
}

TEST(StallClock, ASenderThatOnlyGivesSignsOfLifeIsNamedSo) {
  StallClock clock(10s);
  clock.waited(8s, "somebody");
  clock.sign_of_life();
  const auto error = error_thrown_by([&] { clock.waited(10s, "somebody"); });
  ASSERT_TRUE(error);
  EXPECT_NE(std::string::npos, std::string_view(error->what()).find("signs of life for 8 more"));
}

class Ends : public testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    std::array<int, 2> fds{};
    if (GetParam())
      ASSERT_EQ(0, socketpair(AF_UNIX, SOCK_STREAM, 0, fds.data()));
    else
      ASSERT_EQ(0, pipe(fds.data()));
    reader_ = UniqueFd(fds[0]);
    writer_ = UniqueFd(fds[1]);
  }

  UniqueFd reader_;
  UniqueFd writer_;
};

TEST_P(Ends, WhatIsWrittenArrivesHoweverSlowlyItIsRead) {
  const Bytes sent(3'000'000, std::byte{7});
  Bytes got;
  std::jthread reading([&] {
    Bytes piece(50'000);
    FdInput input(reader_.get());
    while (const size_t size = input.read_some(piece))
      got.insert(got.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(size));
  });
  {
    FdOutput output(writer_.get());
    output.write_all(
        {ByteView(sent).first(1), ByteView(sent).subspan(1, 1), ByteView(sent).subspan(2)});
  }
  writer_.reset();
  reading.join();
  EXPECT_EQ(sent, got);
}

TEST_P(Ends, AReaderThatTakesNothingEndsTheWriter) {
  const Bytes much(8'000'000);
  FdOutput output(writer_.get(), {}, StallClock(1s));
  const auto error = error_thrown_by([&] { output.write_all({much}); });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::peer, error->kind());
}

TEST_P(Ends, ABlockingDescriptorStaysSoForOthers) {
  FdOutput output(writer_.get());
  EXPECT_EQ(0, fcntl(writer_.get(), F_GETFL) & O_NONBLOCK);
}

TEST_P(Ends, ASenderThatIsSilentEndsTheReader) {
  FdInput input(reader_.get(), StallClock(1s));
  Bytes piece(10);
  const auto error = error_thrown_by([&] { input.read_some(piece); });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::peer, error->kind());
}

TEST_P(Ends, TimeThatWasSpentOnWhatCameCounts) {
  FdInput input(reader_.get(), StallClock(10s));
  input.spent(6s);
  const auto error = error_thrown_by([&] { input.spent(6s); });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::peer, error->kind());
}

INSTANTIATE_TEST_SUITE_P(PipeAndSocket, Ends, testing::Bool());

}  // namespace
}  // namespace bsr
