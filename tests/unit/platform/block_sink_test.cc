// What a sink leaves in a file, and what becomes of failures.
#include "platform/block_sink.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <utility>

#include "base/aligned_bytes.h"
#include "tests/fakes/lazy_carrier.h"
#include "tests/fakes/random_bytes.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thrown_error.h"

namespace {
bool fail_next_flush = false;
}

/// In the place of the C library's.
extern "C" int fdatasync(int fd) {
  if (!std::exchange(fail_next_flush, false)) return fsync(fd);
  errno = EIO;
  return -1;
}

namespace bsr {
namespace {

Bytes counting(size_t size) {
  Bytes bytes(size);
  for (size_t i = 0; i < size; ++i) bytes[i] = static_cast<std::byte>(i % 251 + 1);
  return bytes;
}

class BlockSinkTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  std::string path_ = folder_.write("volume", counting(1 << 20));
};

/// What a cached page holds of places beside it must not be older than they are.
TEST_F(BlockSinkTest, AWriteThroughTheCacheComesBehindThoseUnderWay) {
  BlockSink sink(BlockFile(path_, BlockFile::Access::write), std::nullopt,
                 std::make_unique<LazyCarrier>());
  AlignedBytes aligned(4096, std::byte{1});
  if (!sink.file().direct_fd(0, aligned.data(), aligned.size()))
    GTEST_SKIP() << "the file system has no direct I/O";
  const Extent block = {4096, 4096};
  const Extent sector = {4608, 512};
  sink.write({&block, 1}, std::move(aligned));
  sink.write({&sector, 1}, AlignedBytes(512, std::byte{2}));
  sink.flush();
  Bytes seen(4096);
  sink.file().read(4096, seen);
  Bytes expected(4096, std::byte{1});
  std::fill_n(expected.begin() + 512, 512, std::byte{2});
  EXPECT_EQ(expected, seen);
}

TEST_F(BlockSinkTest, WritesTheRestOfAShortWrite) {
  for (const size_t most : {512U, 1536U, 4096U}) {
    BlockSink sink(BlockFile(path_, BlockFile::Access::write), std::nullopt,
                   std::make_unique<LazyCarrier>(most));
    const std::vector<Extent> extents = {{0, 16384}, {65536, 4096}};
    const Bytes bytes = random_bytes(20480, static_cast<unsigned>(most));
    sink.write(extents, {bytes.begin(), bytes.end()});
    sink.flush();
    Bytes seen(20480);
    sink.file().read(0, std::span(seen).first(16384));
    sink.file().read(65536, std::span(seen).subspan(16384));
    EXPECT_EQ(bytes, seen) << most;
  }
}

TEST_F(BlockSinkTest, ZeroesAndFreesSpaceInFiles) {
  BlockSink sink(BlockFile(path_, BlockFile::Access::write), std::nullopt);
  sink.zero({4096 + 512, 600'000});
  sink.flush();
  Bytes expected = counting(1 << 20);
  std::fill_n(expected.begin() + 4608, 600'000, std::byte{0});
  Bytes all(1 << 20);
  sink.file().read(0, all);
  EXPECT_EQ(expected, all);
  struct stat status {};
  ASSERT_EQ(0, stat(path_.c_str(), &status));
  EXPECT_LT(status.st_blocks * 512, 600'000);
}

/// More than are on their way at a time, not all of them aligned.
TEST_F(BlockSinkTest, WritesManyPlaces) {
  BlockSink sink(BlockFile(path_, BlockFile::Access::write), std::nullopt);
  Bytes expected = counting(1 << 20);
  for (uint64_t i = 0; i < 40; ++i) {
    const std::vector<Extent> extents = {{i * 24'576, 8192},
                                         {i * 24'576 + 12'288, 512 * (i % 20 + 1)}};
    AlignedBytes content(extents[0].length + extents[1].length, static_cast<std::byte>(i + 1));
    for (const Extent& extent : extents)
      std::fill_n(expected.begin() + static_cast<std::ptrdiff_t>(extent.offset), extent.length,
                  content[0]);
    sink.write(extents, std::move(content));
  }
  sink.wait();
  Bytes all(1 << 20);
  sink.file().read(0, all);
  EXPECT_EQ(expected, all);
}

/// A write that fails after write() returned makes every later flush fail.
TEST_F(BlockSinkTest, DoesNotFlushOverAFailure) {
  BlockSink sink(BlockFile(path_, BlockFile::Access::write), std::nullopt);
  rlimit old{};
  ASSERT_EQ(0, getrlimit(RLIMIT_FSIZE, &old));
  const rlimit small = {1 << 20, old.rlim_max};
  const auto handler = signal(SIGXFSZ, SIG_IGN);
  ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &small));
  const Extent behind = {2 << 20, 4096};
  const auto error = error_thrown_by([&] {
    sink.write({&behind, 1}, AlignedBytes(4096, std::byte{1}));
    sink.flush();
  });
  EXPECT_TRUE(error);
  EXPECT_TRUE(error_thrown_by([&] { sink.flush(); }));
  ASSERT_EQ(0, setrlimit(RLIMIT_FSIZE, &old));
  signal(SIGXFSZ, handler);
}

/// The kernel reports a failed write-back once; the flush after it succeeds.
TEST_F(BlockSinkTest, DoesNotFlushOverAFailedFlush) {
  BlockSink sink(BlockFile(path_, BlockFile::Access::write), std::nullopt);
  fail_next_flush = true;
  EXPECT_TRUE(error_thrown_by([&] { sink.flush(); }));
  EXPECT_FALSE(fail_next_flush);
  EXPECT_TRUE(error_thrown_by([&] { sink.flush(); }));
}

}  // namespace
}  // namespace bsr
