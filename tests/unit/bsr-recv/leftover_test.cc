// What a session leaves in a file or device, and what the next one finds: under any name, of this
// thing only.
#include "bsr-recv/leftover.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>

#include "base/error.h"
#include "platform/file_mark.h"
#include "platform/volume_identity.h"
#include "tests/fakes/call_log.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

using What = Waiting::What;

BeginFrame change(uint64_t position = 0) {
  BeginFrame begin;
  begin.volume_size = 1 << 20;
  begin.base_size = 1 << 20;
  begin.volume_id = "volume";
  begin.snapshot_id = "b";
  begin.base_id = "a";
  begin.resume.position = position;
  return begin;
}

class LeftoverTest : public testing::Test {
 protected:
  void SetUp() override {
    if (!can_be_marked(open_file("target"))) GTEST_SKIP() << "no extended attributes here";
  }

  /// Stays open until the end.
  int open_file(const std::string& name) {
    files_.emplace_back(
        open(folder_.path(name).c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600));  // NOLINT
    return files_.back().get();
  }

  /// As a session sees it that was given this name.
  Leftover seen_as(const std::string& name, bool can_be_marked = true) {
    const int fd = open_file(name);
    return {naming_, Leftover::Thing{.identity = volume_identity(fd),
                                     .record = {folder_.path(), name + ".bsr-resume",
                                                CheckpointFile::Folder::any},
                                     .marked = can_be_marked ? std::optional(fd) : std::nullopt}};
  }
  What waits_at(const std::string& name, bool can_be_marked = true) {
    return seen_as(name, can_be_marked).waiting().what;
  }
  void link(const std::string& from, const std::string& to) {
    std::filesystem::create_hard_link(folder_.path(from), folder_.path(to));
  }
  [[nodiscard]] bool exists(const std::string& name) const {
    return std::filesystem::exists(folder_.path(name));
  }

  TemporaryFolder folder_;
  std::vector<UniqueFd> files_;
  const Naming naming_{.target = "target", .arguments = "target", .in_place = true};
};

TEST_F(LeftoverTest, WhatBeganIsHalfUnderEachName) {
  seen_as("target").starts(change());
  link("target", "hard");
  EXPECT_EQ(What::half, waits_at("target"));
  EXPECT_EQ(What::half, waits_at("hard"));
  EXPECT_EQ("b", seen_as("hard").waiting().begin.snapshot_id);
  EXPECT_FALSE(exists("target.bsr-resume"));
}

TEST_F(LeftoverTest, WhereNoMarkIsPossibleTheRecordSaysIt) {
  seen_as("target", false).starts(change());
  EXPECT_EQ(What::half, waits_at("target", false));
  EXPECT_TRUE(exists("target.bsr-resume"));
}

TEST_F(LeftoverTest, WhatWasReachedIsContinuedUnderEachName) {
  Leftover left = seen_as("target");
  left.starts(change());
  const auto log = left.open_log(true);
  log->add({{{0, 4096}}, {}});
  log->write_out();
  left.reached(change(4096), log->length());
  EXPECT_EQ(What::resumable, left.waiting().what);
  link("target", "hard");
  for (const char* name : {"target", "hard"}) {
    const Leftover found = seen_as(name);
    ASSERT_EQ(What::resumable, found.waiting().what) << name;
    EXPECT_EQ(4096U, found.waiting().begin.resume.position);
    EXPECT_EQ(log->length(), found.open_log(false)->length());
    EXPECT_EQ(found.token(), left.token());
  }
  // Without its log it cannot be shown to be what it was.
  std::filesystem::resize_file(folder_.path("target.bsr-resume.log"), log->length() - 1);
  EXPECT_EQ(What::half, waits_at("target"));
}

TEST_F(LeftoverTest, AnotherFileOfTheNameIsNot) {
  Leftover left = seen_as("target");
  left.starts(change());
  left.reached(change(512), 0);
  std::filesystem::rename(folder_.path("target"), folder_.path("away"));
  EXPECT_EQ(What::nothing, waits_at("target"));
  EXPECT_EQ(What::resumable, waits_at("away"));
  EXPECT_EQ(What::nothing, waits_at("target", false));
}

TEST_F(LeftoverTest, WhatIsDroppedStaysHalfInPlace) {
  Leftover left = seen_as("target");
  left.starts(change());
  static_cast<void>(left.open_log(true));
  left.reached(change(512), 0);
  left.drop();
  EXPECT_EQ(What::half, left.waiting().what);
  EXPECT_EQ(What::half, waits_at("target"));
  EXPECT_EQ(std::nullopt, left.token());
  EXPECT_FALSE(exists("target.bsr-resume"));
  EXPECT_FALSE(exists("target.bsr-resume.log"));

  Leftover unmarked = seen_as("device", false);
  unmarked.starts(change());
  unmarked.reached(change(512), 0);
  seen_as("device", false).drop();
  EXPECT_EQ(What::half, waits_at("device", false));
}

TEST_F(LeftoverTest, WhatIsWholeIsNothing) {
  for (const bool can_be_marked : {true, false}) {
    Leftover left = seen_as("target", can_be_marked);
    left.starts(change());
    static_cast<void>(left.open_log(true));
    left.reached(change(512), 0);
    left.gone();
    EXPECT_EQ(What::nothing, waits_at("target"));
    EXPECT_EQ(What::nothing, waits_at("target", false));
    EXPECT_FALSE(exists("target.bsr-resume.log"));
  }
}

TEST_F(LeftoverTest, AResyncIsHalfOfOne) {
  BeginFrame resync = change();
  resync.base_id = "content:01";
  Leftover left = seen_as("target");
  left.starts(resync);
  EXPECT_EQ(What::half_resync, waits_at("target"));
  EXPECT_NE(std::string::npos, left.last_message().find("bsr-recv --digests target"));
}

/// Nobody can say what wrote it, but something did.
TEST_F(LeftoverTest, AMarkThatIsNotUnderstoodIsOne) {
  for (const std::string& text : {std::string("rubbish"), std::string(), std::string(5000, 'x')}) {
    if (!set_mark(open_file("target"), Mark::half, text))
      continue;  // too long for this file system
    EXPECT_EQ(What::half, waits_at("target"));
  }
}

/// A mark is whoever's the file is.
TEST_F(LeftoverTest, AMarkLeadsToRecordsOnly) {
  Leftover left = seen_as("target");
  left.starts(change());
  left.reached(change(512), 0);
  std::filesystem::rename(folder_.path("target.bsr-resume"), folder_.path("other"));
  const std::string text = read_mark(open_file("target"), Mark::half).value();
  const size_t end = text.find('\n');
  ASSERT_TRUE(set_mark(open_file("target"), Mark::half,
                       text.substr(0, end + 1) + folder_.path("other") + '\n'));
  EXPECT_EQ(What::half, waits_at("target"));
  seen_as("target").gone();
  EXPECT_TRUE(exists("other"));
}

TEST_F(LeftoverTest, ALogWithoutARecordGoesAfterAFailure) {
  Leftover left = seen_as("target");
  left.starts(change());
  const auto log = left.open_log(true);
  EXPECT_TRUE(log->has_name());
  left.tidy();
  EXPECT_FALSE(exists("target.bsr-resume.log"));
  const auto kept = left.open_log(true);
  left.reached(change(512), 0);
  left.tidy();
  EXPECT_TRUE(exists("target.bsr-resume.log"));
  EXPECT_FALSE(seen_as("fresh").open_log(false)->has_name());
}

TEST_F(LeftoverTest, ItsWordsFollowWhatWaits) {
  Leftover left = seen_as("target");
  EXPECT_EQ("nothing was changed; send it again", left.last_message());
  left.starts(change());
  EXPECT_NE(std::string::npos, left.last_message().find("holds neither the old nor the new state"));
  left.reached(change(512), 0);
  EXPECT_NE(std::string::npos, left.last_message().find("are kept, continue with\n  bsr-send -t " +
                                                        *left.token() + " | bsr-recv target"));
  const auto changed = error_thrown_by([&] { left.fail_changed(); });
  EXPECT_EQ(ErrorKind::diverged, changed->kind());
  EXPECT_NE(std::string::npos, std::string_view(changed->what()).find("\n  bsr-recv -A target\n"));

  Leftover copy(naming_, Waiting{});
  copy.is_about({.identity = "x",
                 .record = {folder_.path(), "copy", CheckpointFile::Folder::any},
                 .is_copy = true});
  copy.starts(change());
  EXPECT_EQ("nothing was changed; send it again", copy.last_message());
  EXPECT_FALSE(exists("copy"));
}

TEST_F(LeftoverTest, MarksAndRemovalsAreDurable) {
  Leftover left = seen_as("target");
  const CallLog begun;
  left.starts(change());
  ASSERT_FALSE(begun.calls().empty());
  EXPECT_EQ("fsync target", begun.calls().front());
  left.reached(change(512), 0);
  const CallLog ended;
  left.gone();
  EXPECT_EQ((std::vector<std::string>{"fsync target", "unlink target.bsr-resume", "fsync .",
                                      "unlink target.bsr-resume.log", "fsync ."}),
            ended.calls());
}

TEST_F(LeftoverTest, ThingsAreToldFromEachOther) {
  const int one = open_file("one");
  link("one", "same");
  EXPECT_EQ(volume_identity(one), volume_identity(open_file("same")));
  EXPECT_NE(volume_identity(one), volume_identity(open_file("two")));
  EXPECT_TRUE(may_have_other_names(one));
  EXPECT_FALSE(may_have_other_names(open_file("two")));
}

}  // namespace
}  // namespace bsr
