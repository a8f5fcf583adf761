// The content root of what was read back.
#include "bsr-recv/content_check.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "platform/block_sink.h"
#include "platform/content_scan.h"
#include "tests/fakes/random_bytes.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

constexpr uint64_t kSize = 8 * kLeafSize + 512;

class GatheredWhenReadBack : public testing::Test {
 protected:
  void write(const std::vector<Extent>& extents, unsigned seed) {
    const Bytes bytes = random_bytes(total_length(extents), seed);
    logged_.write(extents, {bytes.begin(), bytes.end()});
  }
  void read_back(bool zeros_stay = true) {
    logged_.flush();
    log_.write_out();
    ReadBack back(sink_.file(), log_, 0, gathered_in(&leaves_, zeros_stay));
    back.up_to(log_.length(), [] {});
    leaves_.finish();
  }
  ContentResult content(GatheredLeaves* gathered) {
    return scan_file(
        sink_.file(), [](const Digest&) {}, {}, 2, gathered);
  }

  TemporaryFolder folder_;
  std::string path_ = folder_.write("volume", Bytes(kSize, std::byte{0xee}));
  BlockSink sink_{BlockFile(path_, BlockFile::Access::write), std::nullopt};
  WrittenLog log_;
  LoggedSink logged_{sink_, log_};
  GatheredLeaves leaves_{kSize, 2};
};

TEST_F(GatheredWhenReadBack, AWholeVolumeIsNotReadOnceMore) {
  for (uint64_t at = 0; at < 4 * kLeafSize; at += 256 << 10)
    write({{at, 256 << 10}}, static_cast<unsigned>(at >> 18));
  logged_.zero({4 * kLeafSize, kLeafSize + 512});
  // With the gaps behind the frame that they lie in.
  write({{5 * kLeafSize + 1024, 4096}, {6 * kLeafSize, kLeafSize}}, 100);
  logged_.zero({5 * kLeafSize + 512, 512});
  logged_.zero({5 * kLeafSize + 5120, kLeafSize - 5120});
  write({{7 * kLeafSize, kLeafSize + 512}}, 101);
  read_back();
  const ContentResult gathered = content(&leaves_);
  EXPECT_EQ(0U, gathered.bytes_read);
  EXPECT_EQ(content(nullptr).root, gathered.root);
}

TEST_F(GatheredWhenReadBack, OnlyWhatWasNotWrittenIsRead) {
  write({{512, 4 * kLeafSize}}, 1);
  read_back();
  const ContentResult gathered = content(&leaves_);
  EXPECT_EQ(kSize - 3 * kLeafSize, gathered.bytes_read);
  EXPECT_EQ(content(nullptr).root, gathered.root);
}

/// A leaf stands for what was there when it was read back, not for what was sent.
TEST_F(GatheredWhenReadBack, WhatWasNotReadBackIsNotKnown) {
  write({{0, 2 * kLeafSize}}, 1);
  logged_.flush();
  const std::byte wrong{0x55};
  ASSERT_EQ(1, pwrite(sink_.file().fd(), &wrong, 1, kLeafSize + 5));
  EXPECT_EQ(ErrorKind::verify, kind_thrown_by([&] { read_back(); }));
  leaves_.finish();
  for (uint64_t leaf = 0; leaf < leaf_count(kSize); ++leaf)
    EXPECT_EQ(std::nullopt, leaves_.leaf(leaf));
}

TEST_F(GatheredWhenReadBack, ZerosThatMayNotStayAreReadAgain) {
  write({{0, kLeafSize}}, 1);
  logged_.zero({kLeafSize, 3 * kLeafSize});
  read_back(false);
  EXPECT_TRUE(leaves_.leaf(0));
  for (uint64_t leaf = 1; leaf < 4; ++leaf) EXPECT_EQ(std::nullopt, leaves_.leaf(leaf));
}

}  // namespace
}  // namespace bsr
