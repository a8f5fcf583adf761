#include "formats/written_entry.h"

#include <gtest/gtest.h>

#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

Bytes encoded(const std::vector<WrittenEntry>& entries) {
  Bytes bytes;
  for (const WrittenEntry& entry : entries) append_entry(entry, bytes);
  return bytes;
}

const std::vector<WrittenEntry> kEntries = {
    {{{0, 1}}, ContentHash{1, 2}},
    {{{4096, 512}, {4608, 8192}, {1ULL << 40, 1ULL << 50}}, ContentHash{UINT64_MAX, 7}},
    {{{512, INT64_MAX - 512}}, std::nullopt},
    {{{5, 5}}, std::nullopt},
};

TEST(WrittenEntry, ComesBack) {
  const Bytes bytes = encoded(kEntries);
  ByteView rest = bytes;
  for (const WrittenEntry& entry : kEntries) EXPECT_EQ(entry, take_entry(rest));
  EXPECT_TRUE(rest.empty());
}

TEST(WrittenEntry, IsShort) {
  const Bytes frame = encoded({{{{1ULL << 39, 1 << 18}}, ContentHash{1, 2}}});
  EXPECT_GE(26U, frame.size());
  EXPECT_GE(8U, encoded({{{{1ULL << 30, 1 << 16}}, std::nullopt}}).size() - 1);
}

TEST(WrittenEntry, WaitsForAllOfIt) {
  const Bytes bytes = encoded({kEntries[1]});
  for (size_t length = 0; length < bytes.size(); ++length) {
    ByteView part = ByteView(bytes).first(length);
    EXPECT_FALSE(take_entry(part)) << length;
    EXPECT_EQ(length, part.size());
  }
}

TEST(WrittenEntry, OfTheMostExtentsFits) {
  WrittenEntry entry{{}, ContentHash{}};
  constexpr uint64_t kStep = 1ULL << 50;
  for (uint64_t i = 0; i < stream::kMaxExtents; ++i)
    entry.extents.push_back({i * kStep + kStep / 2, kStep / 2 - 1});
  const Bytes bytes = encoded({entry});
  EXPECT_LE(bytes.size(), kMaxEntrySize);
  ByteView rest = bytes;
  EXPECT_EQ(entry, take_entry(rest));
}

TEST(WrittenEntry, RefusesWhatDoesNotAscend) {
  for (const std::vector<Extent>& extents : {std::vector<Extent>{{4096, 4096}, {4096, 1}},
                                             {{8, 0}},
                                             {{1, INT64_MAX}},
                                             {{UINT64_MAX, 1}},
                                             {{1, UINT64_MAX}}})
    EXPECT_EQ(ErrorKind::corrupt, kind_thrown_by([&] { encoded({{extents, std::nullopt}}); }));
}

TEST(WrittenEntry, RefusesWhatNoneEncodes) {
  const auto refuses = [](std::initializer_list<unsigned> values) {
    Bytes bytes;
    for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
    ByteView rest = bytes;
    EXPECT_EQ(ErrorKind::corrupt, kind_thrown_by([&] { static_cast<void>(take_entry(rest)); }));
  };
  refuses({1, 0, 1});                                                           // no extents
  refuses({0xff, 0xff, 0xff, 1});                                               // too many
  refuses({3, 0, 0});                                                           // of no length
  refuses({3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1});        // beyond 2^63
  refuses({3, 1, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f, 0, 0});  // ends there
}

}  // namespace
}  // namespace bsr
