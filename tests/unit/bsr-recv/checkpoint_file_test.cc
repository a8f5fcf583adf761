// The record of an interrupted transfer: believed only whole, and only about its own target.
#include "bsr-recv/checkpoint_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "formats/frame_encoder.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

BeginFrame at(uint64_t position) {
  BeginFrame begin;
  begin.volume_size = 1 << 20;
  begin.volume_id = "volume";
  begin.snapshot_id = "snapshot";
  begin.resume.position = position;
  return begin;
}

class CheckpointFiles : public testing::Test {
 protected:
  TemporaryFolder folder_;
  CheckpointFile file_{folder_.path(), "x.bsr-resume", CheckpointFile::Folder::any};
  const std::string path_ = folder_.path() + "/x.bsr-resume";
};

TEST_F(CheckpointFiles, TheLastOneWrittenIsRead) {
  EXPECT_FALSE(file_.read("target"));
  file_.write({"target", at(512)});
  file_.write({"target", at(1024)});
  const auto checkpoint = file_.read("target");
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(begin_payload(at(1024)), begin_payload(checkpoint->begin));
  file_.remove();
  EXPECT_FALSE(file_.read("target"));
}

TEST_F(CheckpointFiles, OneOfAnotherTargetIsNone) {
  file_.write({"target", at(512)});
  EXPECT_FALSE(file_.read("targe"));
  EXPECT_FALSE(file_.read("target2"));
  EXPECT_FALSE(file_.read(""));
}

TEST_F(CheckpointFiles, ACutOrChangedOneIsNone) {
  file_.write({"target", at(512)});
  const auto size = std::filesystem::file_size(path_);
  std::string text(size, '\0');
  std::ifstream(path_).read(text.data(), static_cast<std::streamsize>(size));
  for (size_t cut = 0; cut < size; ++cut) {
    std::ofstream(path_, std::ios::trunc) << text.substr(0, cut);
    EXPECT_FALSE(file_.read("target")) << cut;
  }
  text[size / 3] = '!';
  std::ofstream(path_, std::ios::trunc) << text;
  EXPECT_FALSE(file_.read("target"));
}

TEST_F(CheckpointFiles, ALinkIsNotFollowed) {
  file_.write({"target", at(512)});
  std::filesystem::rename(path_, path_ + ".real");
  std::filesystem::create_symlink(path_ + ".real", path_);
  EXPECT_FALSE(file_.read("target"));
}

/// Somebody may have put one where it is written first.
TEST_F(CheckpointFiles, ALinkIsNotWrittenThrough) {
  folder_.write("precious", Bytes(5));
  std::filesystem::create_symlink(folder_.path("precious"), path_ + ".new");
  EXPECT_TRUE(error_thrown_by([&] { file_.write({"target", at(512)}); }));
  EXPECT_EQ(5, std::filesystem::file_size(folder_.path("precious")));
}

TEST_F(CheckpointFiles, AFailureToWriteLeavesTheOldOneAndNothingElse) {
  const CheckpointFile nowhere(folder_.path() + "/missing", "x", CheckpointFile::Folder::any);
  EXPECT_TRUE(error_thrown_by([&] { nowhere.write({"target", at(512)}); }));
}

}  // namespace
}  // namespace bsr
