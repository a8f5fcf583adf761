// Flags set by signals. Each test has a process of its own, because the flags are for ever.
#include "platform/signals.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>

#include "base/error.h"

namespace bsr {
namespace {

/// Runs `body` after the handlers are installed, and ends with status 0 when it returns true.
template <typename Body>
[[noreturn]] void with_handlers(Body body) {
  install_signal_handlers();
  std::exit(body() ? 0 : 1);
}

const auto succeeds = testing::ExitedWithCode(0);

TEST(SignalsDeathTest, NothingIsWantedAtFirst) {
  EXPECT_EXIT(with_handlers([] {
                throw_if_stopped();
                return stop_signal() == 0 && !take_status_request();
              }),
              succeeds, "");
}

TEST(SignalsDeathTest, TheFirstStopSignalIsKept) {
  const auto with_hangup = [](int number) {
    signal(SIGHUP, SIG_DFL);  // the tests may run under nohup
    with_handlers([number] {
      raise(number);
      raise(SIGHUP);
      return stop_signal() == number;
    });
  };
  for (const int number : {SIGINT, SIGTERM, SIGHUP}) EXPECT_EXIT(with_hangup(number), succeeds, "");
}

TEST(SignalsDeathTest, ThrowsInterruptedAndNamesTheSignal) {
  EXPECT_EXIT(with_handlers([] {
                raise(SIGTERM);
                try {
                  throw_if_stopped();
                } catch (const Error& error) {
                  return error.kind() == ErrorKind::interrupted &&
                         std::string_view(error.what()) == "stopped by signal 15 (SIGTERM)";
                }
                return false;
              }),
              succeeds, "");
}

TEST(SignalsDeathTest, ASecondWishEndsTheProcessAtOnce) {
  EXPECT_EXIT(with_handlers([] {
                raise(SIGINT);
                usleep(600'000);
                raise(SIGTERM);
                return true;
              }),
              testing::ExitedWithCode(128 + SIGTERM), "");
}

TEST(SignalsDeathTest, TheSameWishSentTwiceIsOne) {
  EXPECT_EXIT(with_handlers([] {
                raise(SIGTERM);
                raise(SIGTERM);
                return stop_signal() == SIGTERM;
              }),
              succeeds, "");
}

TEST(SignalsDeathTest, AHangupNeverEndsTheProcessAtOnce) {
  EXPECT_EXIT(with_handlers([] {
                raise(SIGTERM);
                usleep(600'000);
                raise(SIGHUP);
                return stop_signal() == SIGTERM;
              }),
              succeeds, "");
}

TEST(SignalsDeathTest, AnIgnoredHangupStaysIgnored) {
  const auto under_nohup = [] {
    signal(SIGHUP, SIG_IGN);
    with_handlers([] {
      raise(SIGHUP);
      return stop_signal() == 0;
    });
  };
  EXPECT_EXIT(under_nohup(), succeeds, "");
}

TEST(SignalsDeathTest, AStatusRequestIsTakenOnce) {
  EXPECT_EXIT(with_handlers([] {
                raise(SIGUSR1);
                const bool first = take_status_request();
                return first && !take_status_request() && stop_signal() == 0;
              }),
              succeeds, "");
}

TEST(SignalsDeathTest, WritingToABrokenPipeFailsOnly) {
  EXPECT_EXIT(with_handlers([] {
                int ends[2];
                if (pipe(ends) != 0 || close(ends[0]) != 0) return false;
                return write(ends[1], "x", 1) == -1;
              }),
              succeeds, "");
}

}  // namespace
}  // namespace bsr
