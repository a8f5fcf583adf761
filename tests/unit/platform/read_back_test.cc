// A volume that holds what was written to it, and one that does not.
#include "platform/read_back.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <random>

#include "platform/block_sink.h"
#include "tests/fakes/random_bytes.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

constexpr uint64_t kSize =
    (16U << 20) + 512;  // more than is under way at a time, and a part of a block

class ReadBackTest : public testing::Test {
 protected:
  void write(const std::vector<Extent>& extents, unsigned seed) {
    const Bytes bytes = random_bytes(total_length(extents), seed);
    logged_.write(extents, {bytes.begin(), bytes.end()});
  }

  /// Up to what was written by now.
  void read_back() {
    logged_.flush();
    log_.write_out();
    back_.up_to(log_.length(), [this] { ++parts_; });
  }

  void damage(uint64_t offset) {
    logged_.wait();
    std::byte byte{};
    ASSERT_EQ(1, pread(sink_.file().fd(), &byte, 1, static_cast<off_t>(offset)));
    byte ^= std::byte{1};
    ASSERT_EQ(1, pwrite(sink_.file().fd(), &byte, 1, static_cast<off_t>(offset)));
  }

  /// The text of the error that reading back must end with.
  std::string refusal() {
    const auto error = error_thrown_by([this] { read_back(); });
    if (!error) return "none";
    EXPECT_EQ(ErrorKind::verify, error->kind());
    return error->what();
  }

  TemporaryFolder folder_;
  std::string path_ = folder_.write("volume", Bytes(kSize, std::byte{0xee}));
  BlockSink sink_{BlockFile(path_, BlockFile::Access::write), std::nullopt};
  WrittenLog log_;
  LoggedSink logged_{sink_, log_};
  ReadBack back_{sink_.file(), log_};
  unsigned parts_ = 0;
};

TEST_F(ReadBackTest, FindsWhatWasWrittenWhateverItsShape) {
  std::mt19937_64 dice(20);
  uint64_t at = 0;
  unsigned seed = 0;
  while (at < kSize - (2U << 20)) {
    std::vector<Extent> extents;
    uint64_t content = 0;
    for (uint64_t left = 1 + dice() % 20; left > 0 && content < (512U << 10); --left) {
      at += dice() % 3 == 0 ? 0 : 512 * (dice() % 80);
      const uint64_t length = 512 * (1 + dice() % (dice() % 4 == 0 ? 600 : 9));
      extents.push_back({at, length});
      at += length;
      content += length;
    }
    write(extents, ++seed);
    if (dice() % 3 == 0) {
      const uint64_t length = 512 * (1 + dice() % 1000);
      logged_.zero({at, length});
      at += length;
    }
    if (dice() % 10 == 0) read_back();
  }
  write({{kSize - 1024, 1024}}, 99);
  read_back();
  EXPECT_EQ(log_.length(), back_.done());
  EXPECT_LT(10U, parts_);
}

/// At its begin, end, and where a part of it begins.
TEST_F(ReadBackTest, SeesAByteThatWasLost) {
  const std::vector<Extent> extents = {{4096, 8192}, {1 << 20, 512}, {(1 << 20) + 1024, 512}};
  write(extents, 1);
  read_back();
  for (const Extent& extent : extents)
    for (const uint64_t at : {extent.offset, extent.end() - 1}) {
      damage(at);
      ReadBack again(sink_.file(), log_);
      sink_.flush();
      EXPECT_EQ(ErrorKind::verify, kind_thrown_by([&] { again.up_to(log_.length(), [] {}); }))
          << at;
      damage(at);
    }
  for (const uint64_t beside : {uint64_t{4095}, uint64_t{12288}, uint64_t{(1 << 20) + 512}})
    damage(beside);
  ReadBack again(sink_.file(), log_);
  sink_.flush();
  EXPECT_NO_THROW(again.up_to(log_.length(), [] {}));
}

TEST_F(ReadBackTest, NamesTheFirstByteAndTheDevice) {
  write({{8192, 4096}}, 1);
  write({{65536, 4096}}, 2);
  damage(65540);
  EXPECT_EQ(path_ +
                ": at byte 65536 and in the 4.0 KiB from there on it gives back other bytes than "
                "were written to it; a disk or a layer below it lost a write: see the kernel log "
                "(dmesg)",
            refusal());
}

TEST_F(ReadBackTest, SeesWhatIsNotZero) {
  logged_.zero({4096, 6U << 20});
  read_back();
  logged_.zero({8U << 20, 4U << 20});
  damage((11U << 20) + 5);
  damage((11U << 20) + 6);
  EXPECT_EQ(
      fmt::format("{}: at byte {} it gives back other bytes than the zeros that were made there; "
                  "a disk or a layer below it lost a write: see the kernel log (dmesg)",
                  path_, (11U << 20) + 5),
      refusal());
}

TEST_F(ReadBackTest, OfHolesReadsNothing) {
  logged_.zero({0, 16U << 20});
  read_back();
  EXPECT_EQ(0U, parts_);
  EXPECT_EQ(log_.length(), back_.done());
}

/// What the page cache holds is not what the disk holds: here only as far as one call shows it.
TEST_F(ReadBackTest, GoesOnWhereItCameTo) {
  write({{0, 4096}}, 1);
  read_back();
  const uint64_t first = back_.done();
  damage(0);  // is not read again
  write({{4096, 4096}}, 2);
  read_back();
  EXPECT_LT(first, back_.done());
}

TEST_F(ReadBackTest, EndsWhenItIsTold) {
  for (unsigned i = 0; i < 16; ++i) write({{i << 20U, 1U << 20}}, i);
  logged_.flush();
  log_.write_out();
  unsigned parts = 0;
  const auto enough = [&] {
    if (++parts > 12) fail(ErrorKind::interrupted, "enough");
  };
  EXPECT_EQ(ErrorKind::interrupted, kind_thrown_by([&] { back_.up_to(log_.length(), enough); }));
  EXPECT_LT(0U, back_.done());
  EXPECT_LT(back_.done(), log_.length());
  parts_ = 0;
  read_back();  // goes on
  EXPECT_GT(16U, parts_);
  EXPECT_EQ(log_.length(), back_.done());
}

TEST_F(ReadBackTest, AVolumeThatBecameShorterIsNotWhatWasWritten) {
  write({{8192, 4096}}, 1);
  logged_.flush();
  log_.write_out();
  ASSERT_EQ(0, ftruncate(sink_.file().fd(), 8192));
  EXPECT_TRUE(error_thrown_by([this] { read_back(); }));
}

}  // namespace
}  // namespace bsr
