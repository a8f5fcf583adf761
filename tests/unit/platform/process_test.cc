// Running programs: what they get, what we get back, and that none stays behind.
#include "platform/process.h"

#include <gtest/gtest.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "base/error.h"
#include "platform/signals.h"
#include "tests/fakes/temporary_folder.h"

namespace bsr {
namespace {

using std::chrono::seconds;
using std::chrono::steady_clock;

std::string text_thrown_by(const std::vector<std::string>& argv) {
  try {
    run(argv);
  } catch (const Error& error) {
    EXPECT_EQ(ErrorKind::failed, error.kind());
    return error.what();
  }
  return "nothing thrown";
}

std::string read_all(ChildOutput& child) {
  std::string result;
  std::array<std::byte, 7> bytes{};
  while (const size_t count = child.read(bytes))
    result.append(reinterpret_cast<const char*>(bytes.data()), count);
  return result;
}

TEST(Process, ReturnsWhatTheProgramWrote) {
  EXPECT_EQ("one\ntwo\n", run({"printf", "one\\ntwo\\n"}));
}

TEST(Process, PassesArgumentsAsTheyAre) {
  EXPECT_EQ("a b|$HOME|;rm|*||", run({"printf", "%s|", "a b", "$HOME", ";rm", "*", ""}));
}

TEST(Process, ReadsNothingFromItsInput) { EXPECT_EQ("", run({"cat"})); }

TEST(Process, RunsInTheCLocaleWithoutLvmWarnings) {
  EXPECT_EQ("C 1", run({"sh", "-c", "printf '%s ' $LC_ALL; printf $LVM_SUPPRESS_FD_WARNINGS"}));
  ASSERT_EQ(0, setenv("LVM_REPORT_FD", "7", 1));
  EXPECT_EQ("2 2 1 ", run({"sh", "-c", "printf '%s ' $LVM_OUT_FD $LVM_ERR_FD $LVM_REPORT_FD"}));
  ASSERT_EQ(0, unsetenv("LVM_REPORT_FD"));
}

TEST(Process, NamesProgramStatusAndItsLastWords) {
  EXPECT_EQ(
      "sh failed (exit status 7): one; two three",
      text_thrown_by(
          {"sh", "-c", "echo '  one' >&2; echo; printf 'two\\033\\tthree\\n\\n' >&2; exit 7"}));
}

TEST(Process, NamesTheSignalThatKilledTheProgram) {
  EXPECT_EQ("sh failed (killed by signal 9)", text_thrown_by({"sh", "-c", "kill -9 $$"}));
}

TEST(Process, ShowsOnlyTheEndOfLongErrorOutput) {
  const std::string text =
      text_thrown_by({"sh", "-c", "yes error | head -n 200000 >&2; echo last >&2; exit 1"});
  EXPECT_LT(text.size(), 3000U);
  EXPECT_TRUE(text.ends_with("; last"));
}

TEST(Process, NamesThePackageOfAMissingProgram) {
  EXPECT_EQ("program lvnone not found; install the package lvm2", text_thrown_by({"lvnone"}));
  EXPECT_EQ("program thin_none not found; install the package thin-provisioning-tools",
            text_thrown_by({"thin_none", "--help"}));
  EXPECT_EQ("program bsr-none not found", text_thrown_by({"bsr-none"}));
}

TEST(Process, FindsSystemProgramsWithoutThemInPath) {
  const std::string before = getenv("PATH");
  setenv("PATH", "::.:bin:/nowhere", 1);
  EXPECT_EQ("", run({"true"}));
  setenv("PATH", before.c_str(), 1);
}

TEST(Process, RefusesEndlessOutput) {
  EXPECT_EQ("yes wrote more than 64 MiB, which cannot be right", text_thrown_by({"yes"}));
}

TEST(Process, ChildHasDefaultSignals) {
  const auto before = signal(SIGPIPE, SIG_IGN);
  sigset_t blocked, old;
  sigemptyset(&blocked);
  sigaddset(&blocked, SIGTERM);
  sigprocmask(SIG_BLOCK, &blocked, &old);
  EXPECT_EQ("sh failed (killed by signal 13)",
            text_thrown_by({"sh", "-c", "kill -PIPE $$; exit 0"}));
  EXPECT_EQ("sh failed (killed by signal 15)",
            text_thrown_by({"sh", "-c", "kill -TERM $$; exit 0"}));
  sigprocmask(SIG_SETMASK, &old, nullptr);
  signal(SIGPIPE, before);
}

TEST(Process, ChildDoesNotInheritOurPipes) {
  const std::string alone = run({"ls", "/proc/self/fd"});
  ChildOutput other({"sleep", "1000"});
  EXPECT_EQ(alone, run({"ls", "/proc/self/fd"}));
}

TEST(Process, DoesNotWaitForDaemonsThatKeepThePipesOpen) {
  const auto start = steady_clock::now();
  EXPECT_EQ("x\n", run({"sh", "-c", "sleep 10 & echo x"}));
  EXPECT_LT(steady_clock::now() - start, seconds(5));
}

TEST(ChildOutput, StreamsWhileTheProgramRuns) {
  ChildOutput child({"sh", "-c", "echo ready; exec sleep 1000"});
  std::array<std::byte, 100> bytes{};
  EXPECT_EQ(6U, child.read(bytes));
}

TEST(ChildOutput, CollectsErrorTextWhileOutputIsRead) {
  ChildOutput child({"sh", "-c", "yes | head -c 1000000 >&2; printf done"});
  EXPECT_EQ("done", read_all(child));
  child.finish();
}

TEST(ChildOutput, ReportsFailureOnlyInFinish) {
  ChildOutput child({"sh", "-c", "echo part; echo why >&2; exit 3"});
  EXPECT_EQ("part\n", read_all(child));
  try {
    child.finish();
    ADD_FAILURE() << "finish() accepted exit status 3";
  } catch (const Error& error) {
    EXPECT_STREQ("sh failed (exit status 3): why", error.what());
  }
}

TEST(ChildOutput, FinishDropsWhatWasNotRead) {
  ChildOutput child({"sh", "-c", "yes | head -c 1000000"});
  child.finish();
}

TEST(ChildOutput, EndsItsProgramWhenItGoes) {
  pid_t pid = 0;
  {
    ChildOutput child({"sh", "-c", "echo $$; exec sleep 1000"});
    std::array<std::byte, 20> bytes{};
    const size_t count = child.read(bytes);
    pid = std::stoi(std::string(reinterpret_cast<char*>(bytes.data()), count));
    EXPECT_EQ(0, kill(pid, 0));
  }
  EXPECT_EQ(-1, kill(pid, 0));
}

TEST(ChildOutput, LetsItsProgramTidyUp) {
  const TemporaryFolder folder;
  const std::string tidied = folder.path("tidied");
  {
    ChildOutput child(
        {"sh", "-c",
         "trap 'touch " + tidied + "; exit' TERM; echo ready; while :; do sleep 0.05; done"});
    std::array<std::byte, 20> bytes{};
    child.read(bytes);
  }
  EXPECT_TRUE(std::filesystem::exists(tidied));
}

TEST(ChildOutput, KillsAProgramThatIgnoresSigterm) {
  const auto start = steady_clock::now();
  {
    ChildOutput child({"sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done"});
    std::array<std::byte, 20> bytes{};
    child.read(bytes);
  }
  EXPECT_LT(steady_clock::now() - start, seconds(10));
}

TEST(ProcessDeathTest, AStopSignalEndsWaitingAndTheProgram) {
  const auto stopped_while_waiting = [] {
    install_signal_handlers();
    try {
      run({"sh", "-c", "kill -TERM $PPID; exec sleep 20"});
    } catch (const Error& error) {
      std::exit(error.kind() == ErrorKind::interrupted ? 42 : 1);
    }
  };
  EXPECT_EXIT(stopped_while_waiting(), testing::ExitedWithCode(42), "");
}

TEST(ProcessDeathTest, CarryingOnWaitsInSpiteOfAStopSignal) {
  const auto stopped_while_waiting = [] {
    install_signal_handlers();
    raise(SIGTERM);
    std::exit(run({"sh", "-c", "sleep 0.3; echo x"}, OnStop::carry_on) == "x\n" ? 42 : 1);
  };
  EXPECT_EXIT(stopped_while_waiting(), testing::ExitedWithCode(42), "");
}

}  // namespace
}  // namespace bsr
