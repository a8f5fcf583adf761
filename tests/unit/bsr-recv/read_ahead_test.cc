// The thread that reads ahead hands on frames, failures and the end, and goes when it is told to.
#include "bsr-recv/read_ahead.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

/// Yields so many checkpoints and then ends or fails.
class Checkpoints final : public FrameSource {
 public:
  Checkpoints(uint64_t count, bool fails) : count_(count), fails_(fails) {}
  std::optional<Frame> next() override {
    if (given_ < count_) return Frame{CheckpointFrame{given_++, {}}, 0, 0, 0, false};
    if (fails_) fail(ErrorKind::corrupt, "bad frame");
    return std::nullopt;
  }
  [[nodiscard]] uint64_t wire_bytes() const override { return given_; }
  [[nodiscard]] ResumePoint progress() const override { return {}; }

 private:
  uint64_t count_;
  bool fails_;
  uint64_t given_ = 0;
};

TEST(ReadAhead, HandsOnEveryFrameInOrder) {
  ReadAhead ahead([](const std::stop_token&) { return std::make_unique<Checkpoints>(100, false); });
  for (uint64_t i = 0; i < 100; ++i) {
    const std::optional<Frame> frame = ahead.next();
    ASSERT_TRUE(frame);
    EXPECT_EQ(i, std::get<CheckpointFrame>(frame->body).position);
  }
  EXPECT_FALSE(ahead.next());
  EXPECT_EQ(100U, ahead.wire_bytes());
}

/// Frames of a later version between two checkpoints.
class MostlyUnknown final : public FrameSource {
 public:
  std::optional<Frame> next() override {
    if (given_ == 1000) return std::nullopt;
    if (given_++ % 999 == 0) return Frame{CheckpointFrame{given_, {}}, 0, 0, 0, false};
    return Frame{UnknownFrame{0x8000}, 0, 0, 0, false};
  }
  [[nodiscard]] uint64_t wire_bytes() const override { return given_; }
  [[nodiscard]] ResumePoint progress() const override { return {}; }

 private:
  uint64_t given_ = 0;
};

TEST(ReadAhead, LeavesOutWhatMayBePassedOver) {
  ReadAhead ahead([](const std::stop_token&) { return std::make_unique<MostlyUnknown>(); });
  for (const uint64_t position : {1U, 1000U}) {
    const std::optional<Frame> frame = ahead.next();
    ASSERT_TRUE(frame);
    EXPECT_EQ(position, std::get<CheckpointFrame>(frame->body).position);
  }
  EXPECT_FALSE(ahead.next());
}

TEST(ReadAhead, ThrowsTheFailureBehindTheFramesBeforeIt) {
  ReadAhead ahead([](const std::stop_token&) { return std::make_unique<Checkpoints>(3, true); });
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(ahead.next());
  const auto error = error_thrown_by([&] { ahead.next(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::corrupt, error->kind());
}

TEST(ReadAhead, IsDroppedWhileItsQueueIsFull) {
  ReadAhead ahead(
      [](const std::stop_token&) { return std::make_unique<Checkpoints>(1'000'000, false); });
  EXPECT_TRUE(ahead.next());
}

TEST(ReadAhead, IsDroppedWhileItWaitsForASilentSender) {
  int ends[2];
  ASSERT_EQ(0, pipe(ends));
  const UniqueFd reader(ends[0]);
  const UniqueFd writer(ends[1]);
  ASSERT_EQ(8, write(writer.get(), "BSR1....", 8));
  FdInput input(reader.get());
  const StreamStart start(input);
  const ReadAhead ahead(
      [&](std::stop_token stop) { return open_format1(input, start, std::move(stop)); });
}

}  // namespace
}  // namespace bsr
