// Reads under way: the right bytes in the order of starting, whatever the alignment; failures in
// their place.
#include "platform/file_reads.h"

#include <gtest/gtest.h>

#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

constexpr size_t kSize = 1 << 20;

Bytes counting() {
  Bytes bytes(kSize);
  for (size_t i = 0; i < kSize; i += 4) store_le<uint32_t>(bytes, i, static_cast<uint32_t>(i));
  return bytes;
}

class FileReadsTest : public testing::Test {
 protected:
  TemporaryFolder folder_;
  Bytes content_ = counting();
  BlockReader reader_{BlockFile(folder_.write("volume", content_), BlockFile::Access::shared_read)};
};

TEST_F(FileReadsTest, FinishesInOrder) {
  std::vector<std::pair<uint64_t, AlignedBytes>> reads;
  for (uint64_t i = 0; i < 60; ++i)
    reads.emplace_back(i * 73 % 200 * 4096 + (i % 5 == 0 ? 512 : 0),
                       AlignedBytes(4096 * (i % 4 + 1)));
  for (auto& [offset, bytes] : reads) reader_.start(offset, bytes);
  for (const auto& [offset, bytes] : reads) {
    reader_.finish();
    EXPECT_TRUE(std::ranges::equal(ByteView(content_).subspan(offset, bytes.size()), bytes));
  }
}

TEST_F(FileReadsTest, AFailureComesInItsPlaceAndEndsAllOthers) {
  std::vector<AlignedBytes> memory(20, AlignedBytes(4096));
  for (size_t i = 0; i < 20; ++i) reader_.start(i == 3 ? kSize : i * 4096, memory[i]);
  for (size_t i = 0; i < 3; ++i) reader_.finish();
  const auto error = error_thrown_by([&] { reader_.finish(); });
  ASSERT_TRUE(error);
  EXPECT_NE(std::string::npos, std::string(error->what()).find("ends at byte 1048576"));

  // It can be used again.
  reader_.start(8192, memory[0]);
  reader_.finish();
  EXPECT_TRUE(std::ranges::equal(ByteView(content_).subspan(8192, 4096), memory[0]));
}

TEST_F(FileReadsTest, AbandonsWhatIsUnderWay) {
  {
    std::vector<AlignedBytes> memory(40, AlignedBytes(65536));
    for (AlignedBytes& bytes : memory) reader_.start(0, bytes);
    reader_.abandon();
  }
  AlignedBytes bytes(4096);
  reader_.start(4096, bytes);
  reader_.finish();
  EXPECT_TRUE(std::ranges::equal(ByteView(content_).subspan(4096, 4096), bytes));
}

}  // namespace
}  // namespace bsr
