// One session into several pipes, whose readers differ.
#include "bsr-send/fan_out.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <thread>

#include "formats/delta_filters.h"
#include "platform/frame_source.h"
#include "tests/fakes/memory_volume.h"
#include "tests/fakes/whole_volume.h"
#include "tests/unit/formats/stream_builder.h"

namespace bsr {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kVolume = 8 << 20;

Bytes volume_content() {
  Bytes bytes(kVolume);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(1 + i / 1000 % 255);
  return bytes;
}

struct Pipe {
  Pipe() {
    std::array<int, 2> fds{};
    if (pipe(fds.data()) != 0) throw std::runtime_error("pipe failed");
    reader = UniqueFd(fds[0]);
    writer = UniqueFd(fds[1]);
  }
  UniqueFd reader;
  UniqueFd writer;
};

/// What the volume of a stream holds, and its root; checked as a receiver does.
struct Received {
  Bytes content = Bytes(kVolume);
  Digest root{};
};

Received receive(int fd) {
  Received received;
  FdInput input(fd);
  const StreamStart start(input);
  const auto frames = open_format1(input, start, {});
  // END is not the end of the pipe, which stays open in this process.
  for (;;) {
    const std::optional<Frame> frame = frames->next();
    if (const auto* end = std::get_if<EndFrame>(&frame.value().body)) {
      received.root = end->content_root;
      return received;
    }
    const auto* data = std::get_if<DataFrame>(&frame->body);
    if (data == nullptr) continue;
    auto from = data->content.begin();
    for (const Extent& extent : data->extents) {
      const auto to = from + static_cast<std::ptrdiff_t>(extent.length);
      std::copy(from, to, received.content.begin() + static_cast<std::ptrdiff_t>(extent.offset));
      from = to;
    }
  }
}

class FanOutTo : public testing::Test {
 protected:
  FanOutTo() {
    signal(SIGPIPE, SIG_IGN);  // as the programs do
    root_.fill(std::byte{7});
    session_.begin = full_begin(kVolume);
    session_.ship_from = [this](uint64_t from, CutWriter& out) {
      MemoryVolume volume(content_);
      ClippedDelta rest(std::make_unique<WholeVolume>(kVolume), from, kVolume);
      PieceReader pieces(rest, volume);
      Effort effort({.compression = Compression{.enabled = false, .level = 0}}, 2);
      ship(pieces, out, effort, 2);
    };
    session_.content_root = [this](const std::function<void(uint64_t)>& tick) {
      tick(kVolume);
      return root_;
    };
    session_.root = FanOut::Session::Root::computed;
    session_.slow = {.bytes = 1 << 20, .patience = 50ms};
    for (const Pipe& pipe : pipes_) outputs_.emplace_back(pipe.writer.get());
  }

  std::vector<std::optional<Error>> run() {
    return FanOut(
               session_, outputs_, meter_,
               {.complete = [this](size_t output, const Shipped&) { complete_.at(output) = true; },
                .slow = [this](size_t output, uint64_t) { slow_.at(output) = true; },
                .failed = {}})
        .run();
  }

  const Bytes content_ = volume_content();
  Digest root_{};
  std::array<Pipe, 2> pipes_;
  std::deque<StreamOutput> outputs_;
  ProgressMeter meter_{{.name = "test", .verbose = false, .json_fd = -1}, kVolume};
  FanOut::Session session_;
  std::array<std::atomic<bool>, 2> complete_{};
  std::array<std::atomic<bool>, 2> slow_{};
};

TEST_F(FanOutTo, EveryReaderGetsAllOfIt) {
  std::array<Received, 2> received;
  {
    std::vector<std::jthread> readers;
    for (size_t i = 0; i < 2; ++i)
      readers.emplace_back([&, i] { received.at(i) = receive(pipes_.at(i).reader.get()); });
    for (const auto& failure : run()) EXPECT_FALSE(failure);
  }
  for (const Received& one : received) {
    EXPECT_EQ(content_, one.content);
    EXPECT_EQ(root_, one.root);
  }
}

TEST_F(FanOutTo, ASingleOneToo) {
  outputs_.pop_back();
  Received received;
  {
    const std::jthread reader([&] { received = receive(pipes_[0].reader.get()); });
    const auto failures = run();
    ASSERT_EQ(1U, failures.size());
    EXPECT_FALSE(failures[0]);
  }
  EXPECT_EQ(content_, received.content);
  EXPECT_EQ(root_, received.root);
}

TEST_F(FanOutTo, OneThatReadsNothingGetsItAfterTheOthers) {
  std::array<Received, 2> received;
  {
    const std::jthread quick([&] {
      received[0] = receive(pipes_[0].reader.get());
      while (!complete_[0]) std::this_thread::yield();
      received[1] = receive(pipes_[1].reader.get());
    });
    for (const auto& failure : run()) EXPECT_FALSE(failure);
  }
  EXPECT_EQ(content_, received[0].content);
  EXPECT_EQ(content_, received[1].content);
  EXPECT_EQ(root_, received[1].root);
  EXPECT_FALSE(slow_[0]);
  EXPECT_TRUE(slow_[1]);
}

TEST_F(FanOutTo, OneThatIsGoneFailsAlone) {
  pipes_[0].reader.reset();
  Received received;
  std::vector<std::optional<Error>> failures;
  {
    const std::jthread reader([&] { received = receive(pipes_[1].reader.get()); });
    failures = run();
  }
  ASSERT_TRUE(failures[0]);
  EXPECT_EQ(ErrorKind::peer, failures[0]->kind());
  EXPECT_FALSE(failures[1]);
  EXPECT_EQ(content_, received.content);
}

TEST_F(FanOutTo, NobodyIsLeft) {
  for (Pipe& pipe : pipes_) pipe.reader.reset();
  for (const auto& failure : run()) {
    ASSERT_TRUE(failure);
    EXPECT_STREQ("the reader of the output is gone; see its own message", failure->what());
  }
}

TEST_F(FanOutTo, NobodyIsLeftWhoWantsTheRoot) {
  for (Pipe& pipe : pipes_) pipe.reader.reset();
  session_.ship_from = [](uint64_t, CutWriter&) {};
  session_.content_root = [](const std::function<void(uint64_t)>& tick) -> Digest {
    for (;;) tick(0);
  };
  for (const auto& failure : run()) EXPECT_TRUE(failure);
}

TEST_F(FanOutTo, WhatTheSourceThrowsIsEverybodysFailure) {
  session_.ship_from = [](uint64_t, CutWriter&) { fail(ErrorKind::corrupt, "disk broke"); };
  for (const auto& failure : run()) {
    ASSERT_TRUE(failure);
    EXPECT_STREQ("disk broke", failure->what());
  }
}

TEST_F(FanOutTo, ARootThatCannotBeComputedIsEverybodysFailure) {
  session_.content_root = [](const std::function<void(uint64_t)>&) -> Digest {
    fail(ErrorKind::corrupt, "disk broke");
  };
  std::vector<std::jthread> readers;
  for (const Pipe& pipe : pipes_)
    readers.emplace_back([fd = pipe.reader.get()] {
      Bytes piece(100'000);
      while (read(fd, piece.data(), piece.size()) > 0) continue;
    });
  for (const auto& failure : run()) {
    ASSERT_TRUE(failure);
    EXPECT_EQ(ErrorKind::corrupt, failure->kind());
  }
  for (Pipe& pipe : pipes_) pipe.writer.reset();
}

}  // namespace
}  // namespace bsr
