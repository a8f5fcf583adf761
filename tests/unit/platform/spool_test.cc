// What is spooled comes back, from memory or from the file.
#include "platform/spool.h"

#include <gtest/gtest.h>

#include <cstdlib>

#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

class SpoolTest : public testing::Test {
 protected:
  ~SpoolTest() override { unsetenv("TMPDIR"); }

  /// So many bytes, a few at a time.
  static void fill(Spool& spool, size_t size) {
    Bytes piece;
    for (size_t i = 0; i < size; ++i) {
      piece.push_back(static_cast<std::byte>(i % 251));
      if (piece.size() < i % 7 && i + 1 < size) continue;
      spool.append(piece);
      piece.clear();
    }
  }

  static void expect_all(Spool::Reader reader, size_t size) {
    for (size_t i = 0; i < size; ++i)
      ASSERT_EQ(static_cast<std::byte>(i % 251), reader.next()) << i;
    EXPECT_EQ(std::nullopt, reader.next());
    EXPECT_EQ(std::nullopt, reader.next());
  }
};

TEST_F(SpoolTest, ComesBackAnyNumberOfTimes) {
  for (const size_t size : {0U, 1U, 65535U, 65536U, 65537U, 131072U, 200000U}) {
    Spool spool;
    fill(spool, size);
    Spool::Reader first = spool.read();
    const std::optional<std::byte> begin = first.next();
    EXPECT_EQ(size > 0, begin == std::byte{0});
    expect_all(spool.read(), size);
    expect_all(spool.read(), size);
    EXPECT_EQ(size > 1, first.next() == std::byte{1});
  }
}

TEST_F(SpoolTest, WhatIsShortNeedsNoFile) {
  setenv("TMPDIR", "/nowhere", 1);
  Spool spool;
  fill(spool, 60000);
  expect_all(spool.read(), 60000);
  EXPECT_EQ(ErrorKind::failed, kind_thrown_by([&] { fill(spool, 10000); }));
}

TEST_F(SpoolTest, LeavesNothingBehind) {
  const TemporaryFolder folder;
  setenv("TMPDIR", folder.path().c_str(), 1);
  Spool spool;
  fill(spool, 200000);
  expect_all(spool.read(), 200000);
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
}

}  // namespace
}  // namespace bsr
