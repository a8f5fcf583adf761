// Files as volumes: any alignment, zeroing that frees, refusals.
#include "platform/block_io.h"

#include <fcntl.h>
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

class BlockFileTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  std::string path_ = folder_.write("volume", counting(1 << 20));
};

TEST_F(BlockFileTest, ReadsAndWritesAtAnyAlignment) {
  BlockFile file(path_, BlockFile::Access::write);
  Bytes expected = counting(1 << 20);
  for (const auto& [offset, length] :
       {Extent{0, 4096}, Extent{512, 512}, Extent{4096 * 3 + 1, 70'000}, Extent{0, 1 << 20}}) {
    AlignedBytes bytes(length + 1);
    for (const size_t shift : {0U, 1U}) {  // memory alignment
      const std::span<std::byte> part = std::span(bytes).subspan(shift, length);
      file.read(offset, part);
      EXPECT_TRUE(std::ranges::equal(part, ByteView(expected).subspan(offset, length)));
      std::ranges::fill(part, static_cast<std::byte>(shift + 7));
      file.write(offset, part);
      std::ranges::copy(part, expected.begin() + static_cast<std::ptrdiff_t>(offset));
    }
  }
  Bytes all(1 << 20);
  file.read(0, all);
  EXPECT_EQ(expected, all);
}

TEST_F(BlockFileTest, RefusesToReadBehindTheEnd) {
  BlockFile file(path_, BlockFile::Access::read);
  Bytes bytes(1024);
  EXPECT_TRUE(error_thrown_by([&] { file.read((1 << 20) - 512, bytes); }));
}

TEST_F(BlockFileTest, NamesWhatItCannotOpen) {
  const auto error =
      error_thrown_by([&] { BlockFile(folder_.path("missing"), BlockFile::Access::read); });
  ASSERT_TRUE(error);
  EXPECT_NE(std::string::npos, std::string(error->what()).find("missing"));
}

TEST_F(BlockFileTest, LetsTheKernelWaitForTheDisk) {
  BlockFile file(folder_.write("file", Bytes(4096)), BlockFile::Access::shared_read);
  EXPECT_EQ(0, fcntl(file.fd(), F_GETFL) & O_NONBLOCK);
}

TEST_F(BlockFileTest, RefusesFolders) {
  EXPECT_TRUE(error_thrown_by([] { BlockFile("/", BlockFile::Access::read); }));
}

TEST_F(BlockFileTest, SinkZeroesAndFreesSpaceInFiles) {
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
TEST_F(BlockFileTest, SinkWritesManyPlaces) {
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
TEST_F(BlockFileTest, SinkDoesNotFlushOverAFailure) {
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
TEST_F(BlockFileTest, SinkDoesNotFlushOverAFailedFlush) {
  BlockSink sink(BlockFile(path_, BlockFile::Access::write), std::nullopt);
  fail_next_flush = true;
  EXPECT_TRUE(error_thrown_by([&] { sink.flush(); }));
  EXPECT_FALSE(fail_next_flush);
  EXPECT_TRUE(error_thrown_by([&] { sink.flush(); }));
}

TEST(IsZero, SeesASingleByteAnywhere) {
  Bytes bytes(4096);
  EXPECT_TRUE(is_zero(bytes));
  EXPECT_TRUE(is_zero({}));
  for (const size_t at : {0U, 1U, 2047U, 4095U}) {
    bytes[at] = std::byte{1};
    EXPECT_FALSE(is_zero(bytes)) << at;
    bytes[at] = std::byte{0};
  }
}

}  // namespace
}  // namespace bsr
