// Files as volumes: any alignment, two descriptors, refusals.
#include "platform/block_io.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

#include "base/aligned_bytes.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thrown_error.h"

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

/// io_uring would answer EAGAIN for what is not done at once.
TEST_F(BlockFileTest, LetsTheKernelWaitForTheDisk) {
  BlockFile file(path_, BlockFile::Access::shared_read);
  EXPECT_EQ(0, fcntl(file.fd(), F_GETFL) & O_NONBLOCK);
  EXPECT_EQ(0, fcntl(file.fd_for_blocks(), F_GETFL) & O_NONBLOCK);
}

/// What is under way by one of them does not learn what the other is used for.
TEST_F(BlockFileTest, ADescriptorNeverChangesItsWay) {
  BlockFile file(path_, BlockFile::Access::write);
  AlignedBytes bytes(8192);
  const std::optional<int> direct = file.direct_fd(4096, bytes.data(), bytes.size());
  if (!direct) GTEST_SKIP() << "the file system has no direct I/O";
  EXPECT_NE(file.fd(), *direct);
  for (const uint64_t offset : {4096U, 512U, 0U}) {
    file.read(offset, bytes);
    file.write(offset, bytes);
    EXPECT_EQ(0, fcntl(file.fd(), F_GETFL) & O_DIRECT);
    EXPECT_EQ(O_DIRECT, fcntl(*direct, F_GETFL) & O_DIRECT);
  }
}

TEST_F(BlockFileTest, OnlyWhatIsAlignedGoesPastTheCache) {
  BlockFile file(path_, BlockFile::Access::shared_read);
  AlignedBytes bytes(8192);
  EXPECT_FALSE(file.direct_fd(512, bytes.data(), 4096));
  EXPECT_FALSE(file.direct_fd(0, bytes.data() + 512, 4096));
  EXPECT_FALSE(file.direct_fd(0, bytes.data(), 512));
}

TEST_F(BlockFileTest, RefusesFolders) {
  EXPECT_TRUE(error_thrown_by([] { BlockFile("/", BlockFile::Access::read); }));
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
