// What a file remembers of the snapshot that was received into it. Devices:
// tests/lab/t/plain-base-moved.sh.
#include "bsr-recv/holding.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <array>

#include "platform/file_mark.h"
#include "tests/fakes/temporary_folder.h"

namespace bsr {
namespace {

class HoldingTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_be_marked(file_.get())) GTEST_SKIP() << "no extended attributes here";
  }

  TemporaryFolder folder_;
  UniqueFd file_{open(folder_.path("target").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)};
  HoldingNote note_{file_.get(), "file"};
  Holding holding_{"uuid", {std::byte{1}, std::byte{0xAB}}};
};

TEST_F(HoldingTest, IsFoundUntilItIsRemoved) {
  EXPECT_FALSE(note_.read());
  note_.remove();
  EXPECT_TRUE(note_.write(holding_));
  EXPECT_EQ("uuid", note_.read().value().snapshot_id);
  EXPECT_EQ(holding_.state, note_.read().value().state);
  note_.remove();
  EXPECT_FALSE(note_.read());
}

TEST_F(HoldingTest, AnUnknownStateIsNotNoted) {
  EXPECT_TRUE(note_.write({"uuid", {}}));
  EXPECT_FALSE(note_.read());
}

TEST_F(HoldingTest, OfAFileThatWasWrittenToSinceNothingIsSaid) {
  ASSERT_TRUE(note_.write(holding_));
  EXPECT_TRUE(note_.read());
  const std::array<timespec, 2> later = {
      {{.tv_sec = 5, .tv_nsec = 7}, {.tv_sec = 5, .tv_nsec = 7}}};
  ASSERT_EQ(0, futimens(file_.get(), later.data()));
  EXPECT_FALSE(note_.read());
}

TEST_F(HoldingTest, WhatCannotBeUnderstoodIsNone) {
  ASSERT_TRUE(note_.write(holding_));
  const std::string text = read_mark(file_.get(), Mark::holds).value();
  const auto understood = [&](const std::string& changed) {
    EXPECT_TRUE(set_mark(file_.get(), Mark::holds, changed));
    return note_.read().has_value();
  };
  EXPECT_TRUE(understood(text));
  for (const std::string& changed :
       {std::string(), std::string("\n"), std::string("uuid\n"), text.substr(0, text.size() - 1),
        text.substr(0, text.size() - 2) + '\n', text + '\n', "uuid x" + text.substr(6)})
    EXPECT_FALSE(understood(changed)) << changed;
}

}  // namespace
}  // namespace bsr
