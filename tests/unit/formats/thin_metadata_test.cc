// The reader of the thin metadata: finds what the builder wrote, and refuses every kind of damage.
#include "formats/thin_metadata.h"

#include <gtest/gtest.h>

#include "tests/fakes/thin_metadata_image.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

constexpr uint64_t kDevice = 5;

MappingValues sequence(uint64_t count, uint64_t step = 1) {
  MappingValues mappings;
  for (uint64_t i = 0; i < count; ++i) mappings[i * step] = mapping_value(1000 + i, 3);
  return mappings;
}

std::vector<ThinMapping> mappings_of(ThinMetadataImage& image, uint64_t thin_id,
                                     uint64_t from = 0) {
  const ThinMetadata metadata(image, MetadataState::current);
  MappingCursor cursor(metadata, thin_id);
  cursor.seek(from);
  std::vector<ThinMapping> found;
  while (auto mapping = cursor.next()) found.push_back(*mapping);
  return found;
}

std::vector<ThinMapping> expected(const MappingValues& mappings, uint64_t from = 0) {
  std::vector<ThinMapping> found;
  for (auto at = mappings.lower_bound(from); at != mappings.end(); ++at)
    found.push_back({at->first, at->second >> 24});
  return found;
}

/// A pool with one device whose tree is three nodes high.
ThinMetadataImage high_tree() {
  ThinMetadataBuilder builder({.fanout = 4});
  builder.device(kDevice, sequence(60, 10));
  return builder.finish();
}

uint64_t root_of(ThinMetadataImage& image, uint64_t thin_id = kDevice) {
  return ThinMetadata(image, MetadataState::current).mapping_root(thin_id);
}

uint64_t child_of(ThinMetadataImage& image, uint64_t node, size_t index) {
  return load_le<uint64_t>(image[node], 32 + 8 * 252 + 8 * index);
}

constexpr size_t value_at(size_t index) { return 32 + 8 * 252 + 8 * index; }
constexpr size_t key_at(size_t index) { return 32 + 8 * index; }

uint64_t leftmost_leaf(ThinMetadataImage& image) {
  uint64_t node = root_of(image);
  while (load_le<uint32_t>(image[node], 4) == 1) node = child_of(image, node, 0);
  return node;
}

/// Walks everything and expects a refusal whose text names `block`.
void expect_corrupt(ThinMetadataImage image, uint64_t block) {
  const auto error = error_thrown_by([&] { mappings_of(image, kDevice); });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::corrupt, error->kind()) << error->what();
  EXPECT_NE(std::string(error->what()).find(fmt::format("block {}", block)), std::string::npos)
      << error->what();
  EXPECT_LE(image.reads, 1000) << "a loop is left";
}

TEST(ThinMetadata, ReadsSuperblockAndDevices) {
  ThinMetadataBuilder builder({}, 5000, 256);
  builder.device(2, sequence(3));
  builder.device(70000, {});
  ThinMetadataImage image = builder.finish();

  const ThinMetadata metadata(image, MetadataState::current);

  EXPECT_EQ(128u << 10, metadata.chunk_size());
  EXPECT_EQ(5000, metadata.data_blocks());
  EXPECT_EQ(7, metadata.transaction_id());
  const std::vector<ThinDevice> devices = metadata.devices();
  ASSERT_EQ(2, devices.size());
  EXPECT_EQ((ThinDevice{2, 3, 102, 12, 22}), devices[0]);
  EXPECT_EQ((ThinDevice{70000, 0, 70100, 70010, 70020}), devices[1]);
  EXPECT_EQ(devices[1], metadata.device(70000));
  EXPECT_FALSE(metadata.device(3));
}

TEST(ThinMetadata, ReadsThousandsOfDevices) {
  ThinMetadataBuilder builder;
  for (uint64_t id = 0; id < 2000; ++id) builder.device(id * 3, {{id, mapping_value(id)}});
  ThinMetadataImage image = builder.finish();

  EXPECT_EQ(2000, ThinMetadata(image, MetadataState::current).devices().size());
  EXPECT_EQ((std::vector<ThinMapping>{{1999, 1999}}), mappings_of(image, 1999 * 3));
}

TEST(ThinMetadata, NamesDeviceThatIsNotThere) {
  ThinMetadataImage image = high_tree();
  const auto error = error_thrown_by([&] { root_of(image, 6); });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::failed, error->kind());
  EXPECT_STREQ("the pool has no thin device 6", error->what());
}

TEST(ThinMetadata, ReadsTheStateThatTheMetadataSnapshotHolds) {
  ThinMetadataBuilder builder;
  builder.device(kDevice, sequence(10));
  builder.hold_metadata_snapshot();
  builder.device(kDevice, sequence(300));
  builder.device(6, {});
  ThinMetadataImage image = builder.finish();

  const ThinMetadata held(image, MetadataState::snapshot);

  EXPECT_EQ(1, held.devices().size());
  EXPECT_EQ(10 * held.chunk_size(), held.mapped_end(kDevice));
  EXPECT_EQ(1 << 20, held.data_blocks());  // from the current superblock: the copy has none
  EXPECT_EQ(2, ThinMetadata(image, MetadataState::current).devices().size());
}

TEST(ThinMetadata, SaysWhenThereIsNoMetadataSnapshot) {
  ThinMetadataImage image = high_tree();
  const auto error = error_thrown_by([&] { ThinMetadata(image, MetadataState::snapshot); });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::failed, error->kind());
}

TEST(ThinMetadata, RefusesSuperblockFieldsThatCannotBe) {
  const ThinMetadataImage good = high_tree();
  const auto kind_with = [&](size_t offset, auto value) {
    ThinMetadataImage image = good;
    image.patch(0, offset, value, kSuperblockChecksumSalt);
    const auto error = error_thrown_by([&] { ThinMetadata(image, MetadataState::current); });
    return error ? std::optional(error->kind()) : std::nullopt;
  };

  EXPECT_EQ(std::nullopt, kind_with(336, uint32_t{128}));
  EXPECT_EQ(ErrorKind::corrupt, kind_with(8, uint64_t{1}));         // its own place
  EXPECT_EQ(ErrorKind::corrupt, kind_with(32, uint64_t{1}));        // magic
  EXPECT_EQ(ErrorKind::unsupported, kind_with(40, uint32_t{3}));    // version
  EXPECT_EQ(ErrorKind::unsupported, kind_with(40, uint32_t{0}));    // version
  EXPECT_EQ(ErrorKind::unsupported, kind_with(360, uint32_t{1}));   // feature
  EXPECT_EQ(ErrorKind::corrupt, kind_with(340, uint32_t{16}));      // metadata block size
  EXPECT_EQ(ErrorKind::corrupt, kind_with(336, uint32_t{0}));       // chunk size
  EXPECT_EQ(ErrorKind::corrupt, kind_with(64, uint64_t{1} << 48));  // data blocks
  EXPECT_EQ(ErrorKind::corrupt, kind_with(336, uint32_t{129}));
  EXPECT_EQ(ErrorKind::corrupt, kind_with(336, uint32_t{(1 << 21) + 128}));
}

/// A pool in use writes its superblock while it is read: the first look sees half of it.
class TornSuperblock final : public MetadataBlocks {
 public:
  explicit TornSuperblock(ThinMetadataImage& image) : image_(image) {}
  void read(uint64_t block, MetadataBlock into) override {
    image_.read(block, into);
    if (block == 0 && torn_) into[2000] ^= std::byte{1};
  }
  void forget(uint64_t block) override {
    if (block == 0) torn_ = false;
  }
  [[nodiscard]] uint64_t count() const override { return image_.count(); }

 private:
  ThinMetadataImage& image_;
  bool torn_ = true;
};

TEST(ThinMetadata, LooksTwiceAtASuperblock) {
  ThinMetadataImage image = high_tree();
  TornSuperblock blocks(image);
  EXPECT_EQ(1U, ThinMetadata(blocks, MetadataState::current).devices().size());
}

TEST(ThinMetadata, RefusesSuperblockWithWrongChecksum) {
  ThinMetadataImage image = high_tree();
  image[0][4000] ^= std::byte{1};  // even where nothing is kept
  expect_corrupt(image, 0);
}

TEST(ThinMetadata, RefusesEmptyFile) {
  ThinMetadataImage image;
  const auto error = error_thrown_by([&] { ThinMetadata(image, MetadataState::current); });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::corrupt, error->kind());
}

TEST(ThinMetadata, RefusesDeviceThatOnlyOneTreeKnows) {
  ThinMetadataBuilder builder;
  builder.device(kDevice, {});
  builder.device(9, {});
  ThinMetadataImage image = builder.finish();
  const auto mappings = load_le<uint64_t>(image[0], 320);
  const auto details = load_le<uint64_t>(image[0], 328);
  ThinMetadataImage no_mappings = image;
  no_mappings.patch<uint32_t>(mappings, 16, 0);
  ThinMetadataImage no_details = image;
  no_details.patch<uint32_t>(details, 16, 0);

  expect_corrupt(no_mappings, mappings);
  expect_corrupt(no_details, details);
}

TEST(ThinMetadata, RefusesThinIdOfMoreThan24Bits) {
  ThinMetadataBuilder builder;
  builder.device(1 << 24, {});
  ThinMetadataImage image = builder.finish();
  const ThinMetadata metadata(image, MetadataState::current);
  const auto error = error_thrown_by([&] { (void)metadata.devices(); });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::corrupt, error->kind());
}

TEST(ThinMetadata, FindsTheEndOfWhatIsMapped) {
  ThinMetadataBuilder builder({.fanout = 4});
  builder.device(1, {});
  builder.device(2, sequence(500, 7));
  ThinMetadataImage image = builder.finish();
  const ThinMetadata metadata(image, MetadataState::current);

  EXPECT_EQ(0, metadata.mapped_end(1));
  EXPECT_EQ((499 * 7 + 1) * metadata.chunk_size(), metadata.mapped_end(2));
}

TEST(MappingCursor, WalksTreesOfAnyHeight) {
  for (const uint64_t count : {0, 1, 2, 252, 253, 5000}) {
    for (const uint64_t fanout : {2, 5, 1000}) {
      ThinMetadataBuilder builder({.fanout = fanout, .loose_keys = 30, .salt = count});
      const MappingValues mappings = sequence(count, 3);
      builder.device(kDevice, mappings);
      ThinMetadataImage image = builder.finish();
      EXPECT_EQ(expected(mappings), mappings_of(image, kDevice)) << count << " by " << fanout;
    }
  }
}

TEST(MappingCursor, SeeksForwardToAnyBlock) {
  ThinMetadataBuilder builder({.fanout = 5, .loose_keys = 30});
  const MappingValues mappings = sequence(300, 3);
  builder.device(kDevice, mappings);
  ThinMetadataImage image = builder.finish();
  const ThinMetadata metadata(image, MetadataState::current);

  for (uint64_t from = 0; from < 910; ++from)
    ASSERT_EQ(expected(mappings, from), mappings_of(image, kDevice, from)) << from;

  std::mt19937_64 dice(1);
  for (int round = 0; round < 200; ++round) {
    MappingCursor cursor(metadata, kDevice);
    for (uint64_t at = 0; at < 950; at += dice() % 60) {
      cursor.seek(at);
      const auto found = cursor.next();
      const auto next = mappings.lower_bound(at);
      ASSERT_EQ(next != mappings.end(), found.has_value());
      if (!found) break;
      ASSERT_EQ(next->first, found->thin_block);
      at = found->thin_block + 1;
    }
  }
}

TEST(MappingCursor, SeeksWithoutReadingWhatIsPassed) {
  ThinMetadataBuilder builder;
  builder.device(kDevice, sequence(100000));
  ThinMetadataImage image = builder.finish();
  const ThinMetadata metadata(image, MetadataState::current);
  MappingCursor cursor(metadata, kDevice);

  image.reads = 0;
  cursor.seek(99999);
  EXPECT_EQ((ThinMapping{99999, 100999}), cursor.next());
  EXPECT_LE(image.reads, 4);
}

TEST(MappingCursor, RefusesNodeWithWrongChecksum) {
  const ThinMetadataImage good = high_tree();
  for (uint64_t block = 1; block < good.count(); ++block) {
    ThinMetadataImage image = good;
    image[block][2048] ^= std::byte{0x80};
    expect_corrupt(image, block);
  }
}

TEST(MappingCursor, RefusesNodeThatSaysItIsElsewhere) {
  ThinMetadataImage image = high_tree();
  const uint64_t leaf = leftmost_leaf(image);
  image.patch<uint64_t>(leaf, 8, leaf + 1);
  expect_corrupt(image, leaf);
}

TEST(MappingCursor, RefusesEveryHeaderThatCannotBe) {
  const ThinMetadataImage good = high_tree();
  ThinMetadataImage scratch = good;
  for (const uint64_t node : {root_of(scratch), leftmost_leaf(scratch)}) {
    for (const auto& [offset, value] : std::vector<std::pair<size_t, uint32_t>>{
             {4, 0},      // neither kind
             {4, 3},      // both kinds
             {4, 0x102},  // unknown flag
             {16, 0},     // empty, and not a leaf that is the root
             {16, 253},   // more than the maximum
             {16, ~0u},
             {20, 1},    // maximum below the count
             {20, 255},  // maximum that does not fit
             {20, ~0u},
             {24, 0},  // value size
             {24, 24},
             {24, ~0u}}) {
      SCOPED_TRACE(fmt::format("block {} offset {} value {}", node, offset, value));
      ThinMetadataImage image = good;
      image.patch(node, offset, value);
      expect_corrupt(image, node);
    }
  }
}

TEST(MappingCursor, RefusesLeafWhereAnInternalNodeMustBe) {
  ThinMetadataImage image = high_tree();
  const uint64_t root = root_of(image);
  const uint64_t second = child_of(image, root, 1);
  const uint64_t leaf = child_of(image, second, 0);
  image.patch(root, value_at(1), leaf);
  expect_corrupt(image, leaf);
}

TEST(MappingCursor, RefusesInternalNodeWhereALeafMustBe) {
  ThinMetadataImage image = high_tree();
  const uint64_t root = root_of(image);
  const uint64_t parent = child_of(image, root, 1);
  const uint64_t leaf = child_of(image, parent, 0);
  // The leaf becomes an internal node whose pointer would be read from a mapping.
  image.patch<uint32_t>(leaf, 4, 1);
  expect_corrupt(image, leaf);
}

TEST(MappingCursor, RefusesKeysThatDoNotAscend) {
  ThinMetadataImage image = high_tree();
  const uint64_t root = root_of(image);
  ThinMetadataImage equal = image;
  equal.patch(root, key_at(1), load_le<uint64_t>(image[root], key_at(0)));
  expect_corrupt(equal, root);
}

TEST(MappingCursor, RefusesKeysOutsideOfWhatTheParentGave) {
  ThinMetadataImage image = high_tree();
  const uint64_t leaf = leftmost_leaf(image);
  const auto size = load_le<uint32_t>(image[leaf], 16);
  image.patch<uint64_t>(leaf, key_at(size - 1), 1000000);
  expect_corrupt(image, leaf);
}

TEST(MappingCursor, RefusesChildOutsideOfTheMetadata) {
  ThinMetadataImage image = high_tree();
  const uint64_t root = root_of(image);
  for (const uint64_t wrong : {image.count(), uint64_t{1} << 40, UINT64_MAX, uint64_t{0}}) {
    ThinMetadataImage damaged = image;
    damaged.patch(root, value_at(1), wrong);
    expect_corrupt(damaged, wrong);
  }
}

TEST(MappingCursor, RefusesTruncatedMetadata) {
  ThinMetadataImage image = high_tree();
  const uint64_t leaf = leftmost_leaf(image);
  ThinMetadataImage cut = image;
  cut.drop_behind(leaf);
  const auto error = error_thrown_by([&] { mappings_of(cut, kDevice); });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::corrupt, error->kind());
}

TEST(MappingCursor, RefusesTreeThatLeadsBackToItself) {
  ThinMetadataImage image = high_tree();
  const uint64_t root = root_of(image);
  const uint64_t child = child_of(image, root, 0);
  ThinMetadataImage to_parent = image;
  to_parent.patch(child, value_at(0), root);
  ThinMetadataImage to_itself = image;
  to_itself.patch<uint32_t>(root, 16, 1);
  to_itself.patch(root, value_at(0), root);

  expect_corrupt(to_parent, root);
  expect_corrupt(to_itself, root);
}

TEST(MappingCursor, RefusesNodeThatIsUsedTwice) {
  ThinMetadataImage image = high_tree();
  const uint64_t root = root_of(image);
  const uint64_t child = child_of(image, root, 0);
  image.patch(root, value_at(1), child);
  expect_corrupt(image, child);
}

TEST(MappingCursor, RefusesDataBlockBehindThePool) {
  ThinMetadataBuilder builder({}, 100);
  builder.device(kDevice, {{0, mapping_value(99)}, {1, mapping_value(100)}});
  ThinMetadataImage image = builder.finish();
  expect_corrupt(image, root_of(image));
}

TEST(MappingCursor, RefusesThinBlockBehindAnyDevice) {
  ThinMetadataBuilder builder;
  builder.device(kDevice, {{(uint64_t{1} << 63) / (64 << 10), mapping_value(1)}});
  ThinMetadataImage image = builder.finish();
  expect_corrupt(image, root_of(image));
}

TEST(MappingCursor, AnswersRightOrNotAtAllWhateverByteIsWrong) {
  const ThinMetadataImage good = high_tree();
  ThinMetadataImage scratch = good;
  const auto truth = mappings_of(scratch, kDevice);
  std::mt19937_64 dice(7);
  for (int round = 0; round < 1000; ++round) {
    ThinMetadataImage image = good;
    const uint64_t block = dice() % good.count();
    image[block][dice() % 4096] ^= std::byte(1 + dice() % 255);
    std::vector<ThinMapping> found;
    const auto error = error_thrown_by([&] { found = mappings_of(image, kDevice); });
    if (!error) {
      ASSERT_EQ(truth, found);
    }
  }
}

}  // namespace
}  // namespace bsr
