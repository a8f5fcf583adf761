// Locks between processes, and records that are believed only when they are whole.
#include "platform/pool_files.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "platform/file_lock.h"
#include "tests/fakes/temporary_folder.h"

namespace bsr {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;

const std::string kPool = "CifSc4-4iep-tIW6-nXDt-7AVY-VsAZ-sJD8eo";

class PoolFiles : public testing::Test {
 protected:
  [[nodiscard]] std::string record_path() const { return folder_.path() + "/records/" + kPool; }

  [[nodiscard]] PoolRecordFile record_file() const { return {folder_.path() + "/records", kPool}; }

  [[nodiscard]] FileLock lock(milliseconds wait = {}) const {
    return {folder_.path() + "/locks", kPool, "pool vg0/pool", steady_clock::now() + wait};
  }

  void put(const std::string& text) { std::ofstream(record_path()) << text; }

  [[nodiscard]] std::string get() const {
    std::ostringstream text;
    text << std::ifstream(record_path()).rdbuf();
    return text.str();
  }

  TemporaryFolder folder_;
};

/// Runs `body` in a process of its own and returns its number after that has ended.
template <typename Body>
pid_t in_dead_process(Body body) {
  const pid_t pid = fork();
  if (pid == 0) {
    body();
    _exit(0);
  }
  int status = 0;
  EXPECT_EQ(pid, waitpid(pid, &status, 0));
  EXPECT_EQ(0, status);
  return pid;
}

TEST_F(PoolFiles, ALockKeepsOthersOutAndNamesItsHolder) {
  const FileLock held = lock();
  try {
    (void)lock(milliseconds(60));
    ADD_FAILURE() << "two locks at once";
  } catch (const Error& error) {
    EXPECT_EQ(ErrorKind::busy, error.kind());
    EXPECT_EQ(fmt::format("pool vg0/pool is in use by process {}; try again when that has ended",
                          getpid()),
              error.what());
  }
}

TEST_F(PoolFiles, AReleasedLockIsFree) {
  FileLock held = lock();
  held.release();
  (void)lock();
}

TEST_F(PoolFiles, ALockGoesWithItsProcess) {
  in_dead_process([&] { (void)new FileLock(lock()); });
  (void)lock();
}

TEST_F(PoolFiles, ALockIsWaitedFor) {
  int ready[2];
  ASSERT_EQ(0, pipe(ready));
  const pid_t pid = fork();
  if (pid == 0) {
    const FileLock held = lock();
    (void)!write(ready[1], "x", 1);
    usleep(200'000);
    _exit(0);
  }
  char byte = 0;
  ASSERT_EQ(1, read(ready[0], &byte, 1));
  (void)lock(milliseconds(10'000));
  waitpid(pid, nullptr, 0);
  close(ready[0]);
  close(ready[1]);
}

TEST_F(PoolFiles, FoldersAreForTheirOwnerOnly) {
  (void)lock();
  struct stat facts {};
  ASSERT_EQ(0, stat((folder_.path() + "/locks").c_str(), &facts));
  EXPECT_EQ(0700U, facts.st_mode & 0777U);
}

TEST_F(PoolFiles, AFolderThatOthersCanWriteIsRefused) {
  const std::string path = folder_.path() + "/locks";
  ASSERT_EQ(0, mkdir(path.c_str(), 0700));
  ASSERT_EQ(0, chmod(path.c_str(), 0777));
  EXPECT_THROW((void)lock(), Error);
}

TEST_F(PoolFiles, ALinkIsNotFollowed) {
  const std::string path = folder_.path() + "/locks";
  ASSERT_EQ(0, mkdir(path.c_str(), 0700));
  std::filesystem::create_symlink("/dev/null", path + "/" + kPool + ".lock");
  EXPECT_THROW((void)lock(), Error);
}

TEST_F(PoolFiles, ThereIsNoRecordAtFirst) { EXPECT_FALSE(record_file().read()); }

TEST_F(PoolFiles, AnIntentNamesThisProcessAndNoBlock) {
  PoolRecordFile file = record_file();
  file.write_intent();
  const auto record = record_file().read();
  ASSERT_TRUE(record);
  EXPECT_EQ(ProcessIdentity::ours(), record->owner);
  EXPECT_EQ(getpid(), record->owner.pid);
  EXPECT_FALSE(record->held_root);
}

TEST_F(PoolFiles, TheBlockIsFilledIn) {
  PoolRecordFile file = record_file();
  for (const uint64_t block : {uint64_t{38}, UINT64_MAX, uint64_t{0}}) {
    file.write_intent();
    file.write_held(block);
    EXPECT_EQ(block, record_file().read().value().held_root);
  }
}

TEST_F(PoolFiles, ARemovedRecordIsGone) {
  PoolRecordFile file = record_file();
  file.write_intent();
  file.remove();
  EXPECT_FALSE(record_file().read());
}

TEST_F(PoolFiles, ARecordOfAnotherPoolOrCutOrChangedIsNone) {
  PoolRecordFile file = record_file();
  file.write_intent();
  file.write_held(38);
  const std::string whole = get();
  for (size_t length = 0; length < whole.size(); ++length) {
    put(whole.substr(0, length));
    EXPECT_FALSE(record_file().read()) << length;
  }
  for (const auto& [from, to] : {std::pair{"CifSc4", "CifSc5"},
                                 {"pid ", "pid -"},
                                 {" 38", "x38"},
                                 {"end", "END"},
                                 {"snapshot 1", "snapshot 2"},
                                 {"boot ", "boat "}}) {
    std::string changed = whole;
    put(changed.replace(changed.find(from), std::string_view(from).size(), to));
    EXPECT_FALSE(record_file().read()) << to;
  }
  put(whole);
  EXPECT_TRUE(record_file().read());
}

TEST(ProcessIdentity, KnowsItselfAlive) { EXPECT_TRUE(ProcessIdentity::ours().may_be_alive()); }

TEST(ProcessIdentity, KnowsTheDead) {
  ProcessIdentity dead = ProcessIdentity::ours();
  dead.pid = in_dead_process([] {});
  EXPECT_FALSE(dead.may_be_alive());
}

TEST(ProcessIdentity, TellsAProcessFromAnotherWithItsNumber) {
  ProcessIdentity earlier = ProcessIdentity::ours();
  --earlier.start;
  EXPECT_FALSE(earlier.may_be_alive());
}

TEST(ProcessIdentity, TakesEverybodyOfAnotherBootForDead) {
  ProcessIdentity before = ProcessIdentity::ours();
  before.boot_id = "01234567-89ab-cdef-0123-456789abcdef";
  EXPECT_FALSE(before.may_be_alive());
}

}  // namespace
}  // namespace bsr
