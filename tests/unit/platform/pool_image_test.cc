// Thin devices read out of a pair of files.
#include "platform/pool_image.h"

#include <gtest/gtest.h>

#include "tests/fakes/random_mappings.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

constexpr uint64_t kChunk = 64 << 10;
constexpr uint64_t kDataBlocks = 100;

/// The byte that the data file has at `offset`: no two chunks look the same.
std::byte data_at(uint64_t offset) {
  return static_cast<std::byte>((offset * 0x9e3779b97f4a7c15) >> 56 | 1);
}

Bytes pool_data() {
  Bytes bytes(kDataBlocks * kChunk);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = data_at(i);
  return bytes;
}

class PoolImageTest : public testing::Test {
 protected:
  std::string write_metadata(const MappingValues& mappings) const {
    ThinMetadataBuilder builder({.fanout = 6}, kDataBlocks);
    builder.device(1, mappings);
    builder.device(4, {});
    return folder_.write("metadata", builder.finish().bytes());
  }

  TemporaryFolder folder_;
  std::string data_path_ = folder_.write("data", pool_data());
};

TEST_F(PoolImageTest, ListsDevicesWithTheirDetails) {
  const PoolImage image(write_metadata({{7, mapping_value(3)}}), data_path_);
  EXPECT_EQ(kChunk, image.chunk_size());
  ASSERT_EQ(2, image.devices().size());
  EXPECT_EQ((ThinDevice{1, 1, 101, 11, 21}), image.devices()[0]);
  EXPECT_EQ(image.devices()[1], image.device(4));
  EXPECT_FALSE(image.device(2));
  EXPECT_EQ(8 * kChunk, image.mapped_end(1));
  EXPECT_EQ(0, image.mapped_end(4));
}

TEST_F(PoolImageTest, ReadsAnyRangeInAnyOrder) {
  std::mt19937_64 dice(11);
  for (int round = 0; round < 20; ++round) {
    MappingValues mappings = random_mappings(dice, 150, kDataBlocks);
    for (uint64_t i = 0; i < 20; ++i) mappings[50 + i] = mapping_value(70 + i);  // one run
    const PoolImage image(write_metadata(mappings), data_path_);
    const auto reader = image.open(1);
    uint64_t offset = 0;
    for (int read = 0; read < 60; ++read) {
      Bytes found(dice() % (4 * kChunk));
      reader->read(offset, found);
      for (size_t i = 0; i < found.size(); i += 509) {
        const auto mapping = mappings.find((offset + i) / kChunk);
        const std::byte expected =
            mapping == mappings.end()
                ? std::byte{0}
                : data_at((mapping->second >> 24) * kChunk + (offset + i) % kChunk);
        ASSERT_EQ(expected, found[i]) << "round " << round << " byte " << offset + i;
      }
      offset = read % 5 == 0 ? dice() % (200 * kChunk) : offset + found.size();
    }
  }
}

TEST_F(PoolImageTest, ReadsZerosWhereNothingIsMapped) {
  const PoolImage image(write_metadata({}), data_path_);
  Bytes found(3 * kChunk, std::byte{1});
  image.open(1)->read(uint64_t{1} << 50, found);
  EXPECT_TRUE(is_zero(found));
}

TEST_F(PoolImageTest, ReadsRunsLongerThanItLooksAhead) {
  MappingValues mappings;
  for (uint64_t block = 0; block < 3000; ++block) mappings[block] = mapping_value(block);
  ThinMetadataBuilder builder({}, 3000);
  builder.device(1, mappings);
  const std::string metadata = folder_.write("metadata", builder.finish().bytes());
  std::filesystem::resize_file(data_path_, 3000 * kChunk);  // zeros behind the first 100 chunks
  const PoolImage image(metadata, data_path_);
  const auto reader = image.open(1);

  Bytes found(1);
  for (const uint64_t block : {99, 1023, 1024, 2999, 3000, 5, 2048, 98}) {
    reader->read(block * kChunk, found);
    EXPECT_EQ(block < kDataBlocks ? data_at(block * kChunk) : std::byte{0}, found[0]) << block;
  }
}

TEST_F(PoolImageTest, RefusesDataFileThatEndsBeforeAMappedChunk) {
  const PoolImage image(write_metadata({{0, mapping_value(98)}, {5, mapping_value(99)}}),
                        data_path_);
  std::filesystem::resize_file(data_path_, kDataBlocks * kChunk - 1);
  const auto reader = image.open(1);
  Bytes found(100);
  reader->read(0, found);
  EXPECT_EQ(data_at(98 * kChunk), found[0]);
  const auto error = error_thrown_by([&] { reader->read(5 * kChunk, found); });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::corrupt, error->kind());
  EXPECT_NE(std::string(error->what()).find(data_path_), std::string::npos);
}

TEST_F(PoolImageTest, NamesTheFileWithDamagedMetadata) {
  ThinMetadataBuilder builder;
  builder.device(1, {{0, mapping_value(1)}});
  ThinMetadataImage damaged = builder.finish();
  const uint64_t root = ThinMetadata(damaged, MetadataState::current).mapping_root(1);
  damaged[root][100] ^= std::byte{1};
  const std::string path = folder_.write("metadata", damaged.bytes());
  const PoolImage image(path, data_path_);

  const auto error = error_thrown_by([&] { (void)image.open(1); });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::corrupt, error->kind());
  EXPECT_EQ(fmt::format("thin metadata in {}: metadata block {}: wrong checksum", path, root),
            error->what());
}

TEST_F(PoolImageTest, NamesDeviceThatIsNotThere) {
  const PoolImage image(write_metadata({}), data_path_);
  for (const auto& call : std::vector<std::function<void()>>{[&] { (void)image.open(2); },
                                                             [&] { (void)image.mapped_end(2); }}) {
    const auto error = error_thrown_by(call);
    ASSERT_TRUE(error);
    EXPECT_EQ(ErrorKind::failed, error->kind());
  }
}

}  // namespace
}  // namespace bsr
