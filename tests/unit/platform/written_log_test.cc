// A log that is added to, read meanwhile, and gone on with by another process.
#include "platform/written_log.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include "formats/digest.h"
#include "tests/fakes/memory_volume.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

WrittenEntry entry(uint64_t number) {
  WrittenEntry made{{{number * 8192, 4096}}, std::nullopt};
  if (number % 3 != 0) made.hash = ContentHash{number, ~number};
  if (number % 5 == 0) made.extents.push_back({number * 8192 + 5000, 100});
  return made;
}

std::vector<WrittenEntry> read(const WrittenLog& log, uint64_t from, uint64_t to) {
  WrittenLog::Reader reader(log, from, to);
  std::vector<WrittenEntry> entries;
  while (const std::optional<WrittenEntry> next = reader.next()) entries.push_back(*next);
  EXPECT_EQ(to, reader.position());
  return entries;
}

std::vector<WrittenEntry> numbers(uint64_t from, uint64_t to) {
  std::vector<WrittenEntry> entries;
  for (uint64_t i = from; i < to; ++i) entries.push_back(entry(i));
  return entries;
}

/// Several times what is kept in memory.
TEST(WrittenLog, GivesBackAnyPartOfIt) {
  WrittenLog log;
  for (uint64_t i = 0; i < 10'000; ++i) log.add(entry(i));
  log.write_out();
  const uint64_t middle = log.length();
  for (uint64_t i = 10'000; i < 20'000; ++i) log.add(entry(i));
  EXPECT_EQ(numbers(0, 10'000), read(log, 0, middle));
  log.write_out();
  EXPECT_EQ(numbers(10'000, 20'000), read(log, middle, log.length()));
  EXPECT_EQ(numbers(0, 20'000), read(log, 0, log.length()));
}

TEST(WrittenLog, ByNameIsGoneOnWithWhereItIsTold) {
  const TemporaryFolder folder;
  const std::string path = folder.path("log");
  uint64_t length = 0;
  {
    WrittenLog log(path, 0);
    for (uint64_t i = 0; i < 100; ++i) log.add(entry(i));
    length = log.length();
    for (uint64_t i = 500; i < 600; ++i) log.add(entry(i));
    log.write_out();
    log.sync();
  }
  WrittenLog log(path, length);
  EXPECT_EQ(length, log.length());
  for (uint64_t i = 100; i < 200; ++i) log.add(entry(i));
  log.write_out();
  EXPECT_EQ(numbers(0, 200), read(log, 0, log.length()));
  struct stat facts {};
  ASSERT_EQ(0, stat(path.c_str(), &facts));
  EXPECT_EQ(0600U, facts.st_mode & 0777U);
}

TEST(WrittenLog, StartsAnewWithoutALength) {
  const TemporaryFolder folder;
  const std::string path = folder.write("log", Bytes(1000));
  WrittenLog log(path, 0);
  log.add(entry(1));
  log.write_out();
  EXPECT_EQ(numbers(1, 2), read(log, 0, log.length()));
  EXPECT_EQ(log.length(), std::filesystem::file_size(path));
}

TEST(WrittenLog, RefusesAFileThatIsShorterThanItWas) {
  const TemporaryFolder folder;
  const std::string path = folder.write("log", Bytes(99));
  const auto error = error_thrown_by([&] { WrittenLog(path, 100); });
  ASSERT_TRUE(error);
  EXPECT_EQ(path + ": has 99 bytes where 100 belong", error->what());
}

TEST(WrittenLog, FollowsNoLink) {
  const TemporaryFolder folder;
  folder.write("other", Bytes(10));
  std::filesystem::create_symlink(folder.path("other"), folder.path("log"));
  EXPECT_TRUE(error_thrown_by([&] { WrittenLog(folder.path("log"), 0); }));
  EXPECT_EQ(10U, std::filesystem::file_size(folder.path("other")));
}

TEST(WrittenLog, ATornOneIsNotBelieved) {
  const TemporaryFolder folder;
  const std::string path = folder.path("log");
  WrittenLog log(path, 0);
  log.add(entry(1));
  log.add(entry(2));
  log.write_out();
  WrittenLog::Reader within(log, 0, log.length() - 1);
  EXPECT_TRUE(within.next());
  EXPECT_TRUE(error_thrown_by([&] { within.next(); }));
  const uint64_t length = log.length();
  std::filesystem::resize_file(path, length - 1);
  WrittenLog::Reader behind(log, 0, length);
  EXPECT_TRUE(error_thrown_by([&] { behind.next(); }));
}

TEST(LoggedSink, WritesDownWhatItPassesOn) {
  MemoryVolume volume(Bytes(65536, std::byte{0xee}));
  WrittenLog log;
  LoggedSink sink(volume, log);
  const std::vector<Extent> extents = {{4096, 4096}, {12288, 512}};
  const AlignedBytes content(4608, std::byte{7});
  sink.write(extents, content);
  sink.zero({16384, 4096});
  sink.flush();
  log.write_out();
  EXPECT_EQ(
      (std::vector<WrittenEntry>{{extents, content_hash(stream::FrameType::data, extents, content)},
                                 {{{16384, 4096}}, std::nullopt}}),
      read(log, 0, log.length()));
  EXPECT_EQ(1U, volume.flushes);
  Bytes expected(65536, std::byte{0xee});
  std::fill_n(expected.begin() + 4096, 4096, std::byte{7});
  std::fill_n(expected.begin() + 12288, 512, std::byte{7});
  std::fill_n(expected.begin() + 16384, 4096, std::byte{0});
  EXPECT_EQ(expected, volume.content);
}

TEST(TouchedExtents, AscendThoughGapsComeBehindTheirFrame) {
  WrittenLog log;
  const ContentHash hash{1, 2};
  log.add({{{512, 512}}, std::nullopt});
  log.add({{{4096, 4096}, {12288, 4096}, {16384, 512}}, hash});
  log.add({{{1024, 3072}}, std::nullopt});
  log.add({{{8192, 4096}}, std::nullopt});
  log.add({{{32768, 512}}, hash});
  log.add({{{16896, 15872}}, std::nullopt});
  log.add({{{65536, 1024}}, std::nullopt});
  log.write_out();
  TouchedExtents touched(log);
  std::vector<DeltaExtent> seen;
  while (const std::optional<DeltaExtent> next = touched.next()) seen.push_back(*next);
  constexpr auto kData = DeltaKind::data;
  constexpr auto kZero = DeltaKind::unmap;
  EXPECT_EQ((std::vector<DeltaExtent>{{{512, 512}, kZero},
                                      {{1024, 3072}, kZero},
                                      {{4096, 4096}, kData},
                                      {{8192, 4096}, kZero},
                                      {{12288, 4096}, kData},
                                      {{16384, 512}, kData},
                                      {{16896, 15872}, kZero},
                                      {{32768, 512}, kData},
                                      {{65536, 1024}, kZero}}),
            seen);
}

TEST(TouchedExtents, OfNothingAreNone) {
  const WrittenLog log;
  EXPECT_FALSE(TouchedExtents(log).next());
}

}  // namespace
}  // namespace bsr
