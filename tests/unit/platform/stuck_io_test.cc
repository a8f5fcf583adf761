// What does not come back: the process hears signals and the clock, and ends.
#include "platform/stuck_io.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "base/error.h"
#include "platform/io_queue.h"
#include "platform/io_ring.h"
#include "platform/program.h"

namespace bsr {
namespace {

/// A program that reads what never comes, as it would from a suspended device.
void read_for_ever(std::chrono::seconds limit, int signal) {
  _exit(run_program("test", [&] {
    if (signal != 0) raise(signal);
    std::array<int, 2> ends{};
    EXPECT_EQ(0, pipe(ends.data()));
    std::array<std::byte, 1> byte{};
    IoQueue queue(1, limit);
    queue.read(ends[0], 0, byte, 1);
    static_cast<void>(queue.wait_for(1));
    return 0;
  }));
}

class StuckIoDeathTest : public testing::Test {
 protected:
  void SetUp() override {
    // Threads read with an offset, which a pipe refuses.
    if (!IoRing::open(1)) GTEST_SKIP() << "no io_uring here";
  }
};

TEST_F(StuckIoDeathTest, HearsASignal) {
  EXPECT_EXIT(read_for_ever({}, SIGTERM), testing::ExitedWithCode(128 + SIGTERM),
              "test: stopped by signal 15, and pipe:.* does not answer");
}

TEST_F(StuckIoDeathTest, HearsTheStallClock) {
  EXPECT_EXIT(read_for_ever(std::chrono::seconds(1), 0),
              testing::ExitedWithCode(exit_code(ErrorKind::busy)),
              "test: waited for 1 seconds .--stall-timeout., and pipe:.* does not answer");
}

}  // namespace
}  // namespace bsr
