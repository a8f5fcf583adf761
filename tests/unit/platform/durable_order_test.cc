// What is named is durable before it has its name, and the name before anybody is told: a power cut
// between two of these calls must not leave a name without its content. A machine that loses power
// shows it only now and then.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "bsr-recv/checkpoint_file.h"
#include "platform/content_store.h"
#include "platform/new_file.h"
#include "platform/pool_files.h"
#include "platform/small_file.h"
#include "tests/fakes/call_log.h"
#include "tests/fakes/temporary_folder.h"

namespace bsr {
namespace {

using Calls = std::vector<std::string>;

class DurableOrder : public testing::Test {
 protected:
  TemporaryFolder folder_;
};

TEST_F(DurableOrder, OfANewFile) {
  NewFile file(folder_.path("stream"), NewFile::Kind::whole);
  const CallLog log;
  file.commit();
  EXPECT_EQ((Calls{"fsync stream.bsr-new", "rename stream.bsr-new stream", "fsync ."}),
            log.calls());
}

TEST_F(DurableOrder, OfANewTarget) {
  NewFile file(folder_.path("target"), NewFile::Kind::partial);
  const CallLog log;
  file.commit();
  EXPECT_EQ((Calls{"fsync target.bsr-partial", "rename target.bsr-partial target", "fsync ."}),
            log.calls());
}

TEST_F(DurableOrder, OfASmallFile) {
  const UniqueFd folder(open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const CallLog log;
  static_cast<void>(replace_small_file(folder.get(), "record", "text"));
  EXPECT_EQ((Calls{"fsync record.new", "rename record.new record", "fsync ."}), log.calls());
}

TEST_F(DurableOrder, OfARecordOfATransfer) {
  const CheckpointFile file(folder_.path(), "target.bsr-resume", CheckpointFile::Folder::any);
  BeginFrame begin;
  begin.volume_size = 1 << 20;
  begin.volume_id = "volume";
  begin.snapshot_id = "snapshot";
  begin.resume.position = 512;
  const CallLog log;
  file.write({"target", begin});
  EXPECT_EQ((Calls{"fsync target.bsr-resume.new", "rename target.bsr-resume.new target.bsr-resume",
                   "fsync ."}),
            log.calls());
}

TEST_F(DurableOrder, OfAPoolsRecord) {
  PoolRecordFile record(folder_.path("records"), "uuid");
  const CallLog log;
  record.write_intent();
  EXPECT_EQ((Calls{"fsync uuid.new", "rename uuid.new uuid", "fsync ."}), log.calls());
}

TEST_F(DurableOrder, OfAContentMap) {
  const ContentStore store(folder_.path("content"));
  ContentDraft draft(store);
  draft.add(Digest{});
  draft.finish({kLeafSize, {}});
  const CallLog log;
  draft.keep("uuid");
  const Calls calls = log.calls();
  const std::string name = "uuid.new-" + std::to_string(getpid());
  ASSERT_EQ(4U, calls.size());
  EXPECT_TRUE(calls[0].starts_with("fsync ")) << calls[0];  // it has no name yet
  EXPECT_TRUE(calls[1].starts_with("link ") && calls[1].ends_with(' ' + name)) << calls[1];
  EXPECT_EQ("rename " + name + " uuid", calls[2]);
  EXPECT_EQ("fsync .", calls[3]);
}

}  // namespace
}  // namespace bsr
