// The tree against a computation that follows the page level by level.
#include "formats/content_tree.h"

#include <gtest/gtest.h>

#include <random>

#include "formats/content_map_format.h"
#include "formats/digest.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

Digest sha256(ByteView bytes) {
  Sha256 sha;
  sha.update(bytes);
  return sha.finish();
}

Digest naive_root(uint64_t size, std::vector<Digest> level) {
  while (level.size() > 1) {
    std::vector<Digest> above;
    for (size_t i = 0; i < level.size(); i += 1024) {
      Bytes joined;
      for (size_t k = i; k < std::min(level.size(), i + 1024); ++k) append(joined, level[k]);
      above.push_back(is_zero(joined) ? Digest{} : sha256(joined));
    }
    level = above;
  }
  Bytes last;
  append_le(last, size);
  append(last, level.empty() ? Digest{} : level[0]);
  return sha256(last);
}

Digest streamed_root(uint64_t size, const std::vector<Digest>& leaves) {
  ContentTree tree(size);
  for (const Digest& leaf : leaves) tree.add(leaf);
  return tree.root();
}

std::vector<Digest> random_leaves(uint64_t count, std::mt19937_64& dice, bool with_zeros) {
  std::vector<Digest> leaves(count);
  for (uint64_t i = 0; i < count; ++i)
    if (!with_zeros || (i / 2000) % 2 == 1) store_le(leaves[i], 8, dice());
  return leaves;
}

TEST(ContentTree, IsWhatThePageSays) {
  std::mt19937_64 dice(1);
  for (const uint64_t count : {0ULL, 1ULL, 2ULL, 3ULL, 1023ULL, 1024ULL, 1025ULL, 2047ULL, 2048ULL,
                               5000ULL, 1048575ULL, 1048576ULL, 1048577ULL, 1050000ULL}) {
    for (const bool with_zeros : {false, true}) {
      const uint64_t size = count * kLeafSize - (count == 0 ? 0 : dice() % 2048 * 512);
      const std::vector<Digest> leaves = random_leaves(count, dice, with_zeros);
      EXPECT_EQ(to_hex(naive_root(size, leaves)), to_hex(streamed_root(size, leaves)))
          << count << " leaves";
    }
  }
}

TEST(ContentTree, OfZerosDependsOnTheSizeOnly) {
  const std::vector<Digest> zeros(3000);
  EXPECT_EQ(naive_root(3000 * kLeafSize, zeros), streamed_root(3000 * kLeafSize, zeros));
  EXPECT_NE(streamed_root(3000 * kLeafSize, zeros), streamed_root(3000 * kLeafSize - 512, zeros));
}

TEST(ContentTree, ManyZerosAtOnceAreAsOneByOne) {
  const auto seed = std::random_device{}();
  SCOPED_TRACE(testing::Message() << "seed " << seed);
  std::mt19937_64 dice(seed);
  for (int round = 0; round < 60; ++round) {
    std::vector<Digest> leaves;
    std::vector<std::pair<bool, uint64_t>> runs;  // of zeros, how many
    for (uint64_t left = 1 + dice() % 5; left > 0; --left) {
      const uint64_t most = dice() % 2 == 0 ? 3000 : 1024 * (1 + dice() % 1100);
      runs.emplace_back(dice() % 3 != 0, dice() % 2 == 0 ? most / 1024 * 1024 : dice() % most);
      if (!runs.back().first) runs.back().second %= 3000;
    }
    ContentTree tree([&] {
      for (const auto& [zeros, count] : runs)
        for (uint64_t i = 0; i < count; ++i) {
          leaves.emplace_back();
          if (!zeros) store_le(leaves.back(), 8, dice());
        }
      return leaves.size() * kLeafSize;
    }());
    size_t next = 0;
    for (const auto& [zeros, count] : runs) {
      if (zeros) tree.add_zeros(count);
      for (uint64_t i = 0; i < count; ++i, ++next)
        if (!zeros) tree.add(leaves[next]);
    }
    ASSERT_EQ(to_hex(streamed_root(leaves.size() * kLeafSize, leaves)), to_hex(tree.root()));
  }
}

TEST(ContentTree, OfTheLargestVolumeIsDoneAtOnce) {
  ContentTree tree(1ULL << 62);
  tree.add_zeros((1ULL << 42) - 1);
  Digest last{};
  last.fill(std::byte{7});
  tree.add(last);
  Digest top = last;  // zeros before it, four levels up and not quite full above
  for (int level = 0; level < 4; ++level) {
    Bytes node(1023 * sizeof(Digest));
    append(node, top);
    top = sha256(node);
  }
  Bytes above(3 * sizeof(Digest));
  append(above, top);
  Bytes root;
  append_le(root, uint64_t{1} << 62);
  append(root, sha256(above));
  EXPECT_EQ(to_hex(sha256(root)), to_hex(tree.root()));
}

TEST(ContentTree, RefusesAnotherNumberOfLeaves) {
  EXPECT_EQ(ErrorKind::failed, kind_thrown_by([] { streamed_root(kLeafSize, {}); }));
  EXPECT_EQ(ErrorKind::failed,
            kind_thrown_by([] { streamed_root(kLeafSize, std::vector<Digest>(2)); }));
}

TEST(LeafDigest, OfZerosIsZero) {
  Bytes leaf(kLeafSize);
  EXPECT_TRUE(is_zero_digest(leaf_digest(leaf)));
  leaf.back() = std::byte{1};
  EXPECT_EQ(sha256(leaf), leaf_digest(leaf));
}

TEST(Leaves, CoverTheVolume) {
  EXPECT_EQ(0U, leaf_count(0));
  EXPECT_EQ(1U, leaf_count(1));
  EXPECT_EQ(2U, leaf_count(kLeafSize + 1));
  EXPECT_EQ((Extent{kLeafSize, 1}), leaf_extent(1, kLeafSize + 1));
  EXPECT_EQ(1ULL << 43, leaf_count(INT64_MAX));
}

TEST(ContentMapHeader, ComesBackAsItWas) {
  ContentMapHeader header{.volume_size = 12345 * 512, .root = {}};
  header.root.fill(std::byte{0x5a});
  const auto bytes = encode(header);
  const ContentMapHeader back = decode_content_map_header(bytes);
  EXPECT_EQ(header.volume_size, back.volume_size);
  EXPECT_EQ(header.root, back.root);
}

TEST(ContentMapHeader, EveryFlippedBitIsNoticed) {
  const auto bytes = encode(ContentMapHeader{.volume_size = 1 << 20, .root = {}});
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    auto damaged = bytes;
    damaged.at(bit / 8) ^= static_cast<std::byte>(1U << bit % 8);
    EXPECT_EQ(ErrorKind::corrupt, kind_thrown_by([&] { (void)decode_content_map_header(damaged); }))
        << "bit " << bit;
  }
  EXPECT_EQ(ErrorKind::corrupt, kind_thrown_by([] { (void)decode_content_map_header({}); }));
}

}  // namespace
}  // namespace bsr
