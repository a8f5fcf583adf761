// Random volumes, random edits: what is computed from the changes is what reading all of it gives.
#include "platform/content_scan.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <random>

#include "platform/spool.h"
#include "tests/fakes/memory_volume.h"
#include "tests/fakes/naive_root.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

/// Extents from a list.
class ListedDelta final : public DeltaSource {
 public:
  explicit ListedDelta(std::vector<Extent> extents) : extents_(std::move(extents)) {}
  std::optional<DeltaExtent> next() override {
    if (next_ == extents_.size()) return std::nullopt;
    return DeltaExtent{extents_[next_++], DeltaKind::data};
  }

 private:
  std::vector<Extent> extents_;
  size_t next_ = 0;
};

ContentResult scan(MemoryVolume& volume, std::vector<Extent> extents, const ContentMap* known,
                   unsigned threads, ContentMapWriter* map = nullptr) {
  ListedDelta touched(std::move(extents));
  return scan_content({.volume = volume,
                       .size = volume.content.size(),
                       .touched = touched,
                       .known = known,
                       .threads = threads,
                       .on_zeros =
                           [&](uint64_t count) {
                             if (map != nullptr) map->add_zeros(count);
                           }},
                      [&](const Digest& leaf) {
                        if (map != nullptr) map->add(leaf);
                      });
}

ContentMap map_of(MemoryVolume& volume, std::vector<Extent> extents) {
  UniqueFd file = temporary_file();
  ContentMapWriter writer(file.get());
  const Digest root = scan(volume, std::move(extents), nullptr, 1, &writer).root;
  writer.finish({volume.content.size(), root});
  return {std::move(file), "map"};
}

void dirty(Bytes& content, Extent extent, std::mt19937_64& dice) {
  for (uint64_t at = extent.offset; at < extent.end(); at += 512)
    content[at] = static_cast<std::byte>(dice());
}

/// Ascending, without overlap; each is filled with something.
std::vector<Extent> edit(Bytes& content, std::mt19937_64& dice) {
  std::vector<Extent> edits;
  uint64_t at = dice() % (3 * kLeafSize) / 512 * 512;
  while (at < content.size()) {
    const uint64_t most = content.size() - at;
    const uint64_t length = std::min(most, 512 + dice() % (2 * kLeafSize) / 512 * 512);
    edits.push_back({at, length});
    if (dice() % 3 == 0)
      std::fill_n(content.begin() + static_cast<std::ptrdiff_t>(at), length, std::byte{0});
    else
      dirty(content, edits.back(), dice);
    at += length + dice() % (6 * kLeafSize) / 512 * 512;
  }
  return edits;
}

TEST(ContentScan, OfTheChangesIsTheSameAsOfAll) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 dice(seed);
  for (int round = 0; round < 20; ++round) {
    MemoryVolume volume(Bytes(dice() % (24 * kLeafSize) / 512 * 512));
    const std::vector<Extent> mapped = edit(volume.content, dice);
    const ContentMap base = map_of(volume, mapped);
    ASSERT_EQ(naive_root(volume.content), base.root());

    // Grown or shrunk too; what is new reads as zeros unless it is written.
    if (round % 2 == 1) volume.content.resize(dice() % (24 * kLeafSize) / 512 * 512);
    const std::vector<Extent> edits = edit(volume.content, dice);
    const ContentResult changed = scan(volume, edits, &base, static_cast<unsigned>(dice() % 4));
    ASSERT_EQ(naive_root(volume.content), changed.root);
    ASSERT_LE(changed.bytes_read, volume.content.size());
  }
}

TEST(ContentScan, WhatIsNotTouchedIsCountedWithoutALoop) {
  constexpr uint64_t kSize = 1ULL << 62;
  class Sevens final : public VolumeReader {
    void read(uint64_t, std::span<std::byte> into) override {
      std::ranges::fill(into, std::byte{7});
    }
  } volume;
  ListedDelta touched({{kSize / 2, 512}});
  uint64_t zeros = 0;
  uint64_t leaves = 0;
  const ContentResult result = scan_content({.volume = volume,
                                             .size = kSize,
                                             .touched = touched,
                                             .on_zeros = [&](uint64_t count) { zeros += count; }},
                                            [&](const Digest&) { ++leaves; });
  EXPECT_EQ(1U, leaves);
  EXPECT_EQ(leaf_count(kSize) - 1, zeros);
  ContentTree tree(kSize);
  tree.add_zeros(leaf_count(kSize) / 2);
  tree.add(leaf_digest(Bytes(kLeafSize, std::byte{7})));
  tree.add_zeros(leaf_count(kSize) / 2 - 1);
  EXPECT_EQ(tree.root(), result.root);
}

TEST(ContentScan, ReadsOnlyWhatIsTouched) {
  std::mt19937_64 dice(1);
  MemoryVolume volume(Bytes(10 * kLeafSize));
  dirty(volume.content, {0, volume.content.size()}, dice);
  const ContentMap base = map_of(volume, {{0, volume.content.size()}});
  dirty(volume.content, {5 * kLeafSize - 512, 1024}, dice);
  const ContentResult result = scan(volume, {{5 * kLeafSize - 512, 1024}}, &base, 2);
  EXPECT_EQ(2 * kLeafSize, result.bytes_read);
  EXPECT_EQ(naive_root(volume.content), result.root);
  EXPECT_EQ(0U, scan(volume, {}, &base, 2).bytes_read);
}

TEST(ContentScan, FailsAsReadingFails) {
  class Broken final : public VolumeReader {
    void read(uint64_t offset, std::span<std::byte>) override {
      if (offset >= 3 * kLeafSize) fail(ErrorKind::busy, "broken");
    }
  } volume;
  for (const unsigned threads : {0U, 1U, 3U}) {
    ListedDelta touched({{0, 8 * kLeafSize}});
    EXPECT_EQ(
        ErrorKind::busy, kind_thrown_by([&] {
          scan_content(
              {.volume = volume, .size = 8 * kLeafSize, .touched = touched, .threads = threads},
              [](const Digest&) {});
        }));
  }
}

class ContentMapTest : public testing::Test {
 protected:
  void SetUp() override {
    std::mt19937_64 dice(7);
    dirty(volume_.content, {kLeafSize, 2 * kLeafSize}, dice);
    const UniqueFd file(open(folder_.path("map").c_str(), O_RDWR | O_CREAT, 0600));
    ContentMapWriter writer(file.get());
    const Digest root = scan(volume_, {{0, volume_.content.size()}}, nullptr, 1, &writer).root;
    writer.finish({volume_.content.size(), root});
  }
  [[nodiscard]] Bytes bytes() const {
    std::ifstream file(folder_.path("map"), std::ios::binary);
    const std::string text(std::istreambuf_iterator<char>(file), {});
    const ByteView view = std::as_bytes(std::span(text));
    return {view.begin(), view.end()};
  }

  TemporaryFolder folder_;
  MemoryVolume volume_{Bytes(5 * kLeafSize + 512)};
};

TEST_F(ContentMapTest, HoldsEachLeafAtItsPlace) {
  const ContentMap map = open_content_map(folder_.path("map"));
  EXPECT_EQ(volume_.content.size(), map.volume_size());
  EXPECT_EQ(naive_root(volume_.content), map.root());
  ContentMap::Reader reader(map);
  for (uint64_t leaf = 0; leaf < 6; ++leaf) {
    const Extent extent = leaf_extent(leaf, volume_.content.size());
    EXPECT_EQ(leaf_digest(ByteView(volume_.content).subspan(extent.offset, extent.length)),
              reader.at(leaf));
  }
  EXPECT_TRUE(is_zero_digest(reader.at(6)));
  EXPECT_EQ(leaf_position(6), bytes().size());
}

TEST_F(ContentMapTest, RefusesWhatIsDamagedOrCut) {
  const Bytes whole = bytes();
  for (size_t at = 0; at < whole.size(); ++at) {
    Bytes damaged = whole;
    damaged[at] ^= std::byte{0x10};
    folder_.write("damaged", damaged);
    ASSERT_EQ(ErrorKind::corrupt,
              kind_thrown_by([&] { (void)open_content_map(folder_.path("damaged")); }))
        << "byte " << at;
  }
  for (const size_t size : {size_t{0}, size_t{63}, size_t{64}, whole.size() - 1}) {
    folder_.write("cut", ByteView(whole).first(size));
    EXPECT_EQ(ErrorKind::corrupt,
              kind_thrown_by([&] { (void)open_content_map(folder_.path("cut")); }));
  }
  Bytes longer = whole;
  longer.push_back(std::byte{0});
  folder_.write("longer", longer);
  EXPECT_EQ(ErrorKind::corrupt,
            kind_thrown_by([&] { (void)open_content_map(folder_.path("longer")); }));
}

TEST_F(ContentMapTest, LeavesOutTheHolesOfAFile) {
  const std::string path = folder_.path("sparse");
  const UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT, 0600));
  ASSERT_EQ(0, ftruncate(fd.get(), 40 * kLeafSize + 700));
  ASSERT_EQ(3, pwrite(fd.get(), "abc", 3, 10 * kLeafSize));
  BlockFile file(path, BlockFile::Access::shared_read);
  const ContentResult result = scan_file(file, [](const Digest&) {});
  Bytes content(file.size());
  content[10 * kLeafSize] = std::byte{'a'};
  content[10 * kLeafSize + 1] = std::byte{'b'};
  content[10 * kLeafSize + 2] = std::byte{'c'};
  EXPECT_EQ(naive_root(content), result.root);
  EXPECT_LE(result.bytes_read, 2 * kLeafSize);
}

}  // namespace
}  // namespace bsr
