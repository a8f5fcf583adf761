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
