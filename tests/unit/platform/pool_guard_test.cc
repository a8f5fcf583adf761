// How much of a pool may be used.
#include "platform/pool_guard.h"

#include <gtest/gtest.h>

#include <array>
#include <thread>

#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

ThinPoolStatus status(uint64_t total_data, uint64_t used_data, uint64_t total_metadata,
                      uint64_t used_metadata) {
  ThinPoolStatus status;
  status.total_data = total_data;
  status.used_data = used_data;
  status.total_metadata = total_metadata;
  status.used_metadata = used_metadata;
  status.mode = ThinPoolStatus::Mode::read_write;
  return status;
}

TEST(PoolRoom, IsWhatIsFreeAboveTheReserve) {
  EXPECT_EQ((PoolRoom{8500, 8900}), room_above({5}, status(10000, 1000, 10000, 600)));
  EXPECT_EQ((PoolRoom{9000 - 2, 9400 - 32}), room_above({0}, status(10000, 1000, 10000, 600)));
}

TEST(PoolRoom, IsNothingAtTheReserveAndBelow) {
  EXPECT_EQ(0U, room_above({10}, status(1000, 900, 1000, 0)).chunks);
  EXPECT_EQ(0U, room_above({10}, status(1000, 950, 1000, 0)).chunks);
  EXPECT_EQ(0U, room_above({10}, status(1000, 2000, 1000, 0)).chunks);
  EXPECT_EQ(0U, room_above({100}, status(1000, 0, 1000, 0)).chunks);
  EXPECT_EQ(0U, room_above({0}, status(1, 0, 8, 0)).chunks);
  EXPECT_EQ(0U, room_above({0}, status(1000, 0, 1000, 968)).metadata_blocks);
  EXPECT_EQ(1U, room_above({0}, status(1000, 0, 1000, 967)).metadata_blocks);
}

TEST(PoolNeed, IsInWholeChunksAndLeaves) {
  EXPECT_EQ((PoolRoom{0, 0}), least_need(0, 65536));
  EXPECT_EQ((PoolRoom{1, 1}), least_need(512, 65536));
  EXPECT_EQ((PoolRoom{252, 1}), least_need(252 * 65536, 65536));
  EXPECT_EQ((PoolRoom{253, 2}), least_need(252 * 65536 + 1, 65536));
}

ThinPool pool_of(uint64_t bytes) {
  ThinPool pool;
  pool.name = {"vg", "pool"};
  pool.size = bytes;
  return pool;
}

TEST(PoolClaims, AVolumeIsAtMostAThousandPools) {
  const auto refused = [](uint64_t volume_size, uint64_t content) {
    const auto error =
        error_thrown_by([&] { check_claims(pool_of(1 << 20), volume_size, content); });
    return error ? std::optional(error->kind()) : std::nullopt;
  };
  EXPECT_EQ(std::nullopt, refused(1ULL << 30, 1 << 20));
  EXPECT_EQ(ErrorKind::no_space, refused((1ULL << 30) + (1 << 20), 0));
  EXPECT_EQ(ErrorKind::no_space, refused(1ULL << 62, 0));
  EXPECT_EQ(ErrorKind::no_space, refused(UINT64_MAX, 0));
  EXPECT_EQ(ErrorKind::no_space, refused(1ULL << 30, (1 << 20) + 1));
}

constexpr uint64_t kChunk = 65536;

class PoolGuardTest : public testing::Test {
 protected:
  /// Room above the reserve of two chunks and 32 blocks.
  void set_room(uint64_t chunks, uint64_t metadata_blocks = 1000) {
    status_ = status(1000, 998 - chunks, 2000, 1968 - metadata_blocks);
    const std::string path = folder_.write("volume", Bytes(64 * kChunk, std::byte{1}));
    volume_.emplace(BlockFile(path, BlockFile::Access::write), facts_);
    guard_.emplace(*volume_, VolumeName{"vg", "pool"}, facts_, PoolReserve{0}, [this] {
      ThinPoolStatus now = status_;
      now.used_data += copied_chunks();
      return now;
    });
  }
  std::optional<ErrorKind> zero(Extent extent) {
    const auto error = error_thrown_by([&] { guard_->zero(extent); });
    return error ? std::optional(error->kind()) : std::nullopt;
  }
  std::optional<ErrorKind> write(const std::vector<Extent>& extents) {
    const auto error = error_thrown_by(
        [&] { guard_->write(extents, AlignedBytes(total_length(extents), std::byte{7})); });
    return error ? std::optional(error->kind()) : std::nullopt;
  }

  std::byte at(uint64_t offset) {
    std::array<std::byte, 1> byte{};
    volume_->file().read(offset, byte);
    return byte[0];
  }
  /// All that is written to was shared; with discards nothing here is.
  uint64_t copied_chunks() {
    uint64_t copied = 0;
    for (uint64_t chunk = 0; chunk < 64; ++chunk) {
      const bool changed =
          at(chunk * kChunk) != std::byte{1} || at((chunk + 1) * kChunk - 1) != std::byte{1};
      if (changed && !facts_.takes_discards) ++copied;
    }
    return copied;
  }

  TemporaryFolder folder_;
  std::optional<BlockSink> volume_;
  ThinFacts facts_{.chunk_size = kChunk,
                   .zeroes_new_chunks = true,
                   .takes_discards = true,
                   .has_external_origin = false};
  ThinPoolStatus status_;
  std::optional<PoolGuard> guard_;
};

TEST_F(PoolGuardTest, WholeChunksOfZerosTakeNothing) {
  set_room(0);
  EXPECT_EQ(std::nullopt, zero({kChunk, 8 * kChunk}));
}

TEST_F(PoolGuardTest, ZerosThatAreWrittenTakeAllTheirChunks) {
  facts_.takes_discards = false;
  set_room(2);
  EXPECT_EQ(std::nullopt, zero({kChunk, 2 * kChunk}));
  set_room(2);
  EXPECT_EQ(ErrorKind::no_space, zero({kChunk, 2 * kChunk + 512}));
  set_room(2);
  EXPECT_EQ(ErrorKind::no_space, zero({kChunk - 512, 2 * kChunk}));
}

TEST_F(PoolGuardTest, AWriteTakesEachChunkThatItTouchesOnce) {
  set_room(2);
  EXPECT_EQ(std::nullopt, write({{512, 512}, {1024, 512}, {kChunk, 512}}));
  set_room(2);
  EXPECT_EQ(ErrorKind::no_space, write({{0, 512}, {kChunk, 512}, {2 * kChunk, 512}}));
  set_room(2);
  EXPECT_EQ(ErrorKind::no_space, write({{kChunk - 512, kChunk + 1024}}));
  EXPECT_EQ(std::byte{1}, at(kChunk + 4096));
}

TEST_F(PoolGuardTest, MetadataIsRoomToo) {
  set_room(100, 3);
  EXPECT_EQ(std::nullopt, write({{0, 512}}));
  EXPECT_EQ(ErrorKind::no_space, write({{0, 512}, {kChunk, 512}}));
}

TEST_F(PoolGuardTest, HalfOfTheRoomIsUsedAtMostBeforeThePoolIsAskedAgain) {
  set_room(8);
  for (int i = 0; i < 4; ++i) EXPECT_EQ(std::nullopt, write({{0, 512}}));
  status_ = status(1000, 998, 2000, 0);  // meanwhile others used the rest
  EXPECT_EQ(ErrorKind::no_space, write({{0, 512}}));
}

TEST_F(PoolGuardTest, AnAnswerIsGoodForAMoment) {
  set_room(900);
  EXPECT_EQ(std::nullopt, write({{0, 512}}));
  status_ = status(1000, 998, 2000, 0);
  std::this_thread::sleep_for(std::chrono::milliseconds(150));
  EXPECT_EQ(ErrorKind::no_space, write({{0, 512}}));
}

TEST_F(PoolGuardTest, APoolThatIsNotWritableIsNotWrittenTo) {
  for (const auto mode : {ThinPoolStatus::Mode::failed, ThinPoolStatus::Mode::read_only}) {
    set_room(900);
    status_.mode = mode;
    EXPECT_EQ(ErrorKind::failed, write({{0, 512}}));
  }
}

}  // namespace
}  // namespace bsr
