// Blocks from a file, what the cache keeps, and what is read ahead.
#include "platform/metadata_file.h"

#include <gtest/gtest.h>

#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

using Block = std::array<std::byte, kMetadataBlockSize>;

/// Every block is filled with its number and `mark`.
Bytes numbered(uint64_t blocks, uint64_t mark = 0) {
  Bytes bytes;
  for (uint64_t block = 0; block < blocks; ++block)
    for (size_t i = 0; i < kMetadataBlockSize; i += 8) append_le<uint64_t>(bytes, block + mark);
  return bytes;
}

uint64_t number_in(MetadataFile& file, uint64_t block) {
  Block bytes;
  file.read(block, bytes);
  EXPECT_EQ(load_le<uint64_t>(bytes, 0), load_le<uint64_t>(bytes, kMetadataBlockSize - 8));
  return load_le<uint64_t>(bytes, 0);
}

TEST(MetadataFile, ReadsMoreBlocksThanItKeepsInAnyOrder) {
  const TemporaryFolder folder;
  MetadataFile file(folder.write("metadata", numbered(1000)));
  ASSERT_EQ(1000, file.count());
  for (uint64_t i = 0; i < 20000; ++i) {
    const uint64_t block = i * i * 7 % 1000;
    ASSERT_EQ(block, number_in(file, block));
  }
}

TEST(MetadataFile, ReadsTheBlocksUsedLastOnlyOnce) {
  const TemporaryFolder folder;
  MetadataFile file(folder.write("metadata", numbered(1000)));
  number_in(file, 0);
  number_in(file, 1);
  folder.write("metadata", numbered(1000, 5000));

  for (uint64_t block = 100; block < 354; ++block) number_in(file, block);
  EXPECT_EQ(0, number_in(file, 0));  // 256 blocks fit
  number_in(file, 700);              // puts out block 1, used longest ago

  EXPECT_EQ(0, number_in(file, 0));
  EXPECT_EQ(5001, number_in(file, 1));
}

TEST(MetadataFile, ReadsAgainWhatItShallForget) {
  const TemporaryFolder folder;
  MetadataFile file(folder.write("metadata", numbered(10)));
  file.will_read(std::array<uint64_t, 2>{3, 4});
  number_in(file, 0);
  folder.write("metadata", numbered(10, 5000));
  EXPECT_EQ(0, number_in(file, 0));
  file.forget(0);
  file.forget(3);
  file.forget(9);
  EXPECT_EQ(5000, number_in(file, 0));
  EXPECT_EQ(5003, number_in(file, 3));
  EXPECT_EQ(5009, number_in(file, 9));
}

TEST(MetadataFile, KeepsWhatWasAnnouncedUntilItIsUsed) {
  const TemporaryFolder folder;
  MetadataFile file(folder.write("metadata", numbered(2000)));
  std::vector<uint64_t> blocks;
  for (uint64_t block = 100; block < 290; ++block) blocks.push_back(block);
  file.will_read(blocks);
  EXPECT_EQ(100, number_in(file, 100));  // one read for all, since they are adjacent
  folder.write("metadata", numbered(2000, 5000));

  for (uint64_t block = 1000; block < 2000; ++block)
    EXPECT_EQ(block + 5000, number_in(file, block));
  for (uint64_t block = 101; block < 290; ++block) EXPECT_EQ(block, number_in(file, block));

  for (uint64_t block = 1000; block < 2000; ++block) number_in(file, block);
  EXPECT_EQ(5150, number_in(file, 150));  // used once, it went like any other
}

TEST(MetadataFile, ReadsWhatWasAnnouncedInAnyOrderAndAnyNumber) {
  const TemporaryFolder folder;
  MetadataFile file(folder.write("metadata", numbered(1000)));
  for (uint64_t i = 0; i < 5000; ++i) {
    std::vector<uint64_t> blocks;
    for (uint64_t n = 0; n < i % 70; ++n) blocks.push_back((i * i * 7 + n * n) % 1000);
    file.will_read(blocks);
    const uint64_t block = i % 3 == 0 || blocks.empty() ? i % 1000 : blocks[i % blocks.size()];
    ASSERT_EQ(block, number_in(file, block));
  }
}

TEST(MetadataFile, TakesAnnouncementsOfWhatIsNotThere) {
  const TemporaryFolder folder;
  MetadataFile file(folder.write("metadata", numbered(3)));
  file.will_read(std::vector<uint64_t>{2, 3, 4, UINT64_MAX});
  EXPECT_EQ(2, number_in(file, 2));
}

TEST(MetadataFile, FailsOnlyWhenWhatCannotBeReadIsUsed) {
  const TemporaryFolder folder;
  const std::string path = folder.write("metadata", numbered(10));
  MetadataFile file(path);
  folder.write("metadata", numbered(5));
  file.will_read(std::vector<uint64_t>{3, 4, 5, 6, 9});
  EXPECT_EQ(3, number_in(file, 3));
  EXPECT_EQ(4, number_in(file, 4));
  for (const uint64_t block : {6, 9, 5, 6}) {
    const auto error = error_thrown_by([&] { number_in(file, block); });
    ASSERT_TRUE(error);
    EXPECT_NE(std::string(error->what()).find(path), std::string::npos);
  }
  folder.write("metadata", numbered(10));
  EXPECT_EQ(6, number_in(file, 6));
}

TEST(MetadataFile, CanGoWhileReadsAreUnderWay) {
  const TemporaryFolder folder;
  const std::string path = folder.write("metadata", numbered(1000));
  for (int round = 0; round < 50; ++round) {
    MetadataFile file(path);
    std::vector<uint64_t> blocks;
    for (uint64_t block = 0; block < 500; block += 2) blocks.push_back(block);
    file.will_read(blocks);
  }
}

TEST(MetadataFile, CountsWholeBlocksOnly) {
  const TemporaryFolder folder;
  Bytes bytes = numbered(3);
  bytes.pop_back();
  MetadataFile file(folder.write("metadata", bytes));
  EXPECT_EQ(2, file.count());
  EXPECT_EQ(1, number_in(file, 1));
}

TEST(MetadataFile, NamesThePathOfWhatItCannotRead) {
  const TemporaryFolder folder;
  const std::string missing = folder.path("missing");
  const auto error = error_thrown_by([&] { MetadataFile file(missing); });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::failed, error->kind());
  EXPECT_NE(std::string(error->what()).find(missing), std::string::npos);

  const std::string path = folder.write("metadata", numbered(3));
  MetadataFile file(path);
  folder.write("metadata", numbered(1));
  const auto cut = error_thrown_by([&] { number_in(file, 2); });
  ASSERT_TRUE(cut);
  EXPECT_NE(std::string(cut->what()).find(path), std::string::npos);
  EXPECT_EQ(0, number_in(file, 0));  // a failed read leaves nothing behind
  EXPECT_TRUE(error_thrown_by([&] { number_in(file, 2); }));
}

TEST(MetadataFile, RefusesWhatIsNeitherFileNorDevice) {
  for (const char* path : {"/dev/null", "/proc"})
    EXPECT_TRUE(error_thrown_by([&] { MetadataFile file(path); })) << path;
}

}  // namespace
}  // namespace bsr
