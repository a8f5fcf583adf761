#include "platform/content_store.h"

#include <gtest/gtest.h>

#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

constexpr uint64_t kSize = 3 * kLeafSize;

Digest keep_map(const ContentStore& store, const std::string& uuid, unsigned char mark) {
  ContentDraft draft(store);
  ContentTree tree(kSize);
  for (unsigned char leaf = 0; leaf < 3; ++leaf) {
    Digest digest;
    digest.fill(std::byte{static_cast<unsigned char>(mark + leaf)});
    draft.add(digest);
    tree.add(digest);
  }
  const Digest root = tree.root();
  draft.finish({kSize, root});
  draft.keep(uuid);
  return root;
}

TEST(ContentStore, FindsWhatWasKeptLast) {
  const TemporaryFolder folder;
  const ContentStore store(folder.path("content"));
  EXPECT_FALSE(store.find("one", kSize));
  const Digest first = keep_map(store, "one", 1);
  EXPECT_EQ(first, store.find("one", kSize)->root());
  const Digest second = keep_map(store, "one", 9);
  ASSERT_NE(first, second);
  EXPECT_EQ(second, store.find("one", kSize)->root());
  EXPECT_FALSE(store.find("one", kSize + 512));
  EXPECT_FALSE(store.find("one", kSize - 512));
  EXPECT_FALSE(store.find("two", kSize));
}

TEST(ContentStore, KnowsAVolumeThatMovedByItsState) {
  const TemporaryFolder folder;
  const ContentStore store(folder.path("content"));
  const std::string monday = map_name("one", {std::byte{1}});
  const std::string tuesday = map_name("one", {std::byte{2}});
  EXPECT_EQ("one@01000000000000000000000000000000", monday);
  keep_map(store, "two", 1);
  keep_map(store, monday, 1);
  EXPECT_TRUE(store.find(monday, kSize));
  EXPECT_FALSE(store.find(tuesday, kSize));
  keep_map(store, tuesday, 2);
  EXPECT_FALSE(store.find(monday, kSize)) << "it is of no use any more";
  EXPECT_TRUE(store.find(tuesday, kSize));
  EXPECT_TRUE(store.find("two", kSize));
  store.remove_all_but([] { return std::vector<std::string>{"one"}; });
  EXPECT_TRUE(store.find(tuesday, kSize));
  EXPECT_FALSE(store.find("two", kSize));
}

TEST(ContentStore, DoesNotFindADamagedMap) {
  const TemporaryFolder folder;
  const ContentStore store(folder.path("content"));
  keep_map(store, "one", 1);
  folder.write("content/one", Bytes(500));
  EXPECT_FALSE(store.find("one", kSize));
}

TEST(ContentStore, KeepsMapsOfLivingVolumesOnly) {
  const TemporaryFolder folder;
  const ContentStore store(folder.path("content"));
  for (const char* uuid : {"one", "two", "three"}) keep_map(store, uuid, 1);
  folder.write("content/one.new-77", Bytes(5));
  store.remove_all_but([&] {
    keep_map(store, "four", 1);  // of a volume that came into being meanwhile
    return std::vector<std::string>{"two"};
  });
  EXPECT_FALSE(store.find("one", kSize));
  EXPECT_TRUE(store.find("two", kSize));
  EXPECT_FALSE(store.find("three", kSize));
  EXPECT_TRUE(store.find("four", kSize));
  EXPECT_FALSE(std::filesystem::exists(folder.path("content/one.new-77")));
  store.remove("two");
  EXPECT_FALSE(store.find("two", kSize));
}

TEST(ContentDraft, TellsWhatFailedWhenItIsToBeKept) {
  const TemporaryFolder folder;
  const ContentStore store(folder.write("file", {}) + "/content");
  ContentDraft draft(store);
  draft.add({});
  draft.finish({kLeafSize, {}});
  EXPECT_EQ(ErrorKind::failed, kind_thrown_by([&] { draft.keep("one"); }));
}

TEST(ContentStore, RefusesAFolderThatOthersCanWrite) {
  const TemporaryFolder folder;
  const ContentStore store(folder.path("content"));
  keep_map(store, "one", 1);
  std::filesystem::permissions(folder.path("content"), std::filesystem::perms::all);
  EXPECT_FALSE(store.find("one", kSize));
  EXPECT_EQ(ErrorKind::failed, kind_thrown_by([&] { keep_map(store, "one", 1); }));
}

}  // namespace
}  // namespace bsr
