// Taking a metadata snapshot from pools in every state a crash, or somebody else, can leave.
#include "platform/thin_pool.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "base/error.h"
#include "tests/fakes/temporary_folder.h"

namespace bsr {
namespace {

using std::chrono::milliseconds;

const std::string kPool = "CifSc4-4iep-tIW6-nXDt-7AVY-VsAZ-sJD8eo";

/// What the kernel has, and what happens to it behind our back.
struct FakePool {
  std::optional<uint64_t> held;
  uint64_t next_root = 38;
  uint32_t readers = 0;
  int reserved = 0, released = 0, looks = 0;
  std::function<void()> before_look = [] {};
  std::function<void()> before_reserve = [] {};
  std::function<void()> before_release = [] {};
};

class FakeControl final : public PoolControl {
 public:
  explicit FakeControl(FakePool& pool) : pool_(pool) {}
  std::optional<uint64_t> held_root() override {
    ++pool_.looks;
    pool_.before_look();
    return pool_.held;
  }
  void reserve() override {
    pool_.before_reserve();
    if (pool_.held) fail(ErrorKind::busy, "held");
    pool_.held = pool_.next_root;
    ++pool_.reserved;
  }
  void release() override {
    pool_.before_release();
    EXPECT_TRUE(pool_.held);
    pool_.held.reset();
    ++pool_.released;
  }
  uint32_t readers() override { return pool_.readers; }

 private:
  FakePool& pool_;
};

class MetadataSnapshotTest : public testing::Test {
 protected:
  [[nodiscard]] SnapshotOptions options() const {
    return {milliseconds(150),
            milliseconds(50),
            milliseconds(5),
            {folder_.path() + "/l", folder_.path() + "/r"}};
  }

  std::unique_ptr<MetadataSnapshot> take() {
    ThinPool pool;
    pool.name = {"vg0", "pool"};
    pool.uuid = kPool;
    return std::make_unique<MetadataSnapshot>(pool, options(),
                                              std::make_unique<FakeControl>(pool_));
  }

  /// Runs `body` in a process that dies at its end without releasing anything.
  void crash_after(const std::function<void(PoolRecordFile&)>& body) {
    const pid_t pid = fork();
    if (pid == 0) {
      PoolRecordFile record = record_file();
      body(record);
      _exit(0);
    }
    int status = -1;
    EXPECT_EQ(pid, waitpid(pid, &status, 0));
    EXPECT_EQ(0, status);
  }

  [[nodiscard]] PoolRecordFile record_file() const { return {options().folders.records, kPool}; }

  ErrorKind kind_thrown_by_take() {
    try {
      take();
    } catch (const Error& error) {
      text_ = error.what();
      return error.kind();
    }
    ADD_FAILURE() << "nothing thrown";
    return ErrorKind::usage;
  }

  TemporaryFolder folder_;
  FakePool pool_;
  std::string text_;
};

TEST(SnapshotHolder, IsDecidedFromKernelAndRecord) {
  using enum SnapshotHolder;
  const PoolRecord intent{{1, 2, "boot"}, std::nullopt}, noted{{1, 2, "boot"}, 38};
  EXPECT_EQ(nobody, holder_of(std::nullopt, std::nullopt, false));
  EXPECT_EQ(nobody, holder_of(std::nullopt, noted, false));
  EXPECT_EQ(somebody_else, holder_of(38, std::nullopt, false));
  EXPECT_EQ(somebody_else, holder_of(38, noted, true));
  EXPECT_EQ(somebody_else, holder_of(38, intent, true));
  EXPECT_EQ(somebody_else, holder_of(39, noted, false));
  EXPECT_EQ(dead_owner, holder_of(38, noted, false));
  EXPECT_EQ(maybe_dead_one, holder_of(38, intent, false));
}

TEST_F(MetadataSnapshotTest, IsReservedNotedAndReleased) {
  const auto snapshot = take();
  EXPECT_EQ(38U, snapshot->held_root());
  EXPECT_EQ(38U, record_file().read().value().held_root);
  EXPECT_FALSE(snapshot->released_leftover());
  snapshot->release();
  EXPECT_FALSE(pool_.held);
  EXPECT_FALSE(record_file().read());
}

TEST_F(MetadataSnapshotTest, IsReleasedOnceHoweverItGoes) {
  take().reset();
  EXPECT_EQ(1, pool_.released);
  const auto snapshot = take();
  snapshot->release();
  snapshot->release();
  EXPECT_EQ(2, pool_.released);
}

TEST_F(MetadataSnapshotTest, HasItsIntentOnDiskBeforeItReserves) {
  pool_.before_reserve = [&] {
    const auto record = record_file().read();
    EXPECT_TRUE(record && !record->held_root && record->owner == ProcessIdentity::ours());
  };
  take();
  EXPECT_EQ(1, pool_.reserved);
}

TEST_F(MetadataSnapshotTest, HasTheLockUntilItIsReleased) {
  const auto first = take();
  EXPECT_EQ(ErrorKind::busy, kind_thrown_by_take());
  first->release();
  take();
}

TEST_F(MetadataSnapshotTest, ReleasesWhatADeadOwnerLeft) {
  crash_after([](PoolRecordFile& record) {
    record.write_intent();
    record.write_held(38);
  });
  pool_.held = 38;
  pool_.next_root = 40;
  const auto snapshot = take();
  EXPECT_EQ(40U, snapshot->held_root());
  EXPECT_EQ(1, pool_.released);
  EXPECT_TRUE(snapshot->released_leftover());
}

TEST_F(MetadataSnapshotTest, ReleasesWhatItCouldNotReleaseItself) {
  pool_.before_release = [] { fail(ErrorKind::failed, "no"); };
  EXPECT_THROW(take()->release(), Error);
  EXPECT_TRUE(pool_.held);
  pool_.before_release = [] {};
  EXPECT_TRUE(take()->released_leftover());
}

TEST_F(MetadataSnapshotTest, LeavesAnotherBlockThanTheRecordsAlone) {
  crash_after([](PoolRecordFile& record) {
    record.write_intent();
    record.write_held(37);
  });
  pool_.held = 38;
  EXPECT_EQ(ErrorKind::busy, kind_thrown_by_take());
  EXPECT_EQ(0, pool_.released);
}

TEST_F(MetadataSnapshotTest, LeavesAForeignOneAloneAndSaysWhatToDo) {
  pool_.held = 38;
  EXPECT_EQ(ErrorKind::busy, kind_thrown_by_take());
  EXPECT_EQ(0, pool_.released);
  EXPECT_NE(std::string::npos, text_.find("dmsetup status vg0-pool-tpool")) << text_;
  EXPECT_NE(std::string::npos, text_.find("block 38")) << text_;
}

TEST_F(MetadataSnapshotTest, WaitsForAForeignOneToGo) {
  pool_.held = 38;
  pool_.before_look = [&] {
    if (pool_.looks == 5) pool_.held.reset();
  };
  EXPECT_FALSE(take()->released_leftover());
  EXPECT_EQ(1, pool_.reserved);
}

TEST_F(MetadataSnapshotTest, WaitsWhenSomebodyReservesFirst) {
  pool_.before_reserve = [&] {
    if (pool_.looks == 1) pool_.held = 77;
  };
  pool_.before_look = [&] {
    if (pool_.looks == 4) pool_.held.reset();
  };
  EXPECT_EQ(38U, take()->held_root());
  EXPECT_EQ(1, pool_.released);  // ours, at its end
}

TEST_F(MetadataSnapshotTest, ForgetsTheIntentWhenSomebodyReservesFirst) {
  pool_.before_reserve = [&] { pool_.held = 77; };
  EXPECT_EQ(ErrorKind::busy, kind_thrown_by_take());
  EXPECT_FALSE(record_file().read());
  EXPECT_EQ(0, pool_.released);
}

TEST_F(MetadataSnapshotTest, TakesAnOldIntentForAReservationAfterAWhile) {
  crash_after([](PoolRecordFile& record) { record.write_intent(); });
  pool_.held = 38;
  const auto start = std::chrono::steady_clock::now();
  EXPECT_TRUE(take()->released_leftover());
  EXPECT_GE(std::chrono::steady_clock::now() - start, options().settle);
}

TEST_F(MetadataSnapshotTest, ReleasesNothingThatIsBeingRead) {
  pool_.held = 38;
  pool_.readers = 1;
  crash_after([](PoolRecordFile& record) { record.write_intent(); });
  EXPECT_EQ(ErrorKind::busy, kind_thrown_by_take());
  crash_after([](PoolRecordFile& record) {
    record.write_intent();
    record.write_held(38);
  });
  EXPECT_EQ(ErrorKind::busy, kind_thrown_by_take());
  EXPECT_EQ(0, pool_.released);
}

TEST_F(MetadataSnapshotTest, TakesNoReservationThatChangesForAnOldIntent) {
  crash_after([](PoolRecordFile& record) { record.write_intent(); });
  pool_.held = 38;
  pool_.before_look = [&] { ++*pool_.held; };
  EXPECT_EQ(ErrorKind::busy, kind_thrown_by_take());
  EXPECT_EQ(0, pool_.released);
}

TEST_F(MetadataSnapshotTest, DoesNotTouchALivingOwnersEvenWithTheLock) {
  PoolRecordFile record = record_file();
  int stop[2];
  ASSERT_EQ(0, pipe(stop));
  const pid_t pid = fork();
  if (pid == 0) {
    record.write_intent();
    record.write_held(38);
    close(stop[1]);
    char byte = 0;
    (void)!read(stop[0], &byte, 1);
    _exit(0);
  }
  close(stop[0]);
  while (!record.read() || !record.read()->held_root) usleep(1000);
  pool_.held = 38;
  EXPECT_EQ(ErrorKind::busy, kind_thrown_by_take());
  EXPECT_EQ(0, pool_.released);
  close(stop[1]);
  waitpid(pid, nullptr, 0);
}

TEST_F(MetadataSnapshotTest, SaysSoWhenItWasTakenAway) {
  const auto snapshot = take();
  pool_.held = 39;
  EXPECT_THROW(snapshot->release(), Error);
  EXPECT_EQ(39U, pool_.held);
  EXPECT_EQ(0, pool_.released);
}

TEST_F(MetadataSnapshotTest, LeavesNothingWhenReservingFails) {
  pool_.before_reserve = [] { fail(ErrorKind::failed, "read-only"); };
  EXPECT_EQ(ErrorKind::failed, kind_thrown_by_take());
  EXPECT_FALSE(record_file().read());
  pool_.before_reserve = [] {};
  take();
}

TEST_F(MetadataSnapshotTest, ReleasesWhatItCannotReadBack) {
  pool_.before_look = [&] {
    if (pool_.looks == 2) fail(ErrorKind::failed, "no status");
  };
  EXPECT_EQ(ErrorKind::failed, kind_thrown_by_take());
  EXPECT_FALSE(pool_.held);
  EXPECT_FALSE(record_file().read());
}

TEST(MetadataPath, IsTheMappersDevice) {
  EXPECT_EQ("/dev/mapper/my--vg-pool_tmeta", metadata_path({"my-vg", "pool"}));
  EXPECT_FALSE(can_read_metadata({"no-such-vg", "pool"}));
}

}  // namespace
}  // namespace bsr
