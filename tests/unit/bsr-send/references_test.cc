// Which places a patch refers to, and what it takes them to hold.
#include "bsr-send/references.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstring>
#include <deque>
#include <random>
#include <stdexcept>

#include "base/error.h"
#include "tests/fakes/listed_plan.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

using Ahead = References::Ahead;

constexpr uint64_t kPages = 256;
constexpr uint64_t kSize = kPages * kPage;

Bytes random_bytes(size_t size, unsigned seed) {
  std::mt19937_64 dice(seed);
  Bytes bytes(size);
  for (std::byte& byte : bytes) byte = static_cast<std::byte>(dice());
  return bytes;
}

/// Reads memory; throws when that does not reach so far.
class Reader final : public VolumeReader {
 public:
  explicit Reader(ByteView bytes) : bytes_(bytes) {}
  void read(uint64_t offset, std::span<std::byte> into) override {
    if (offset + into.size() > bytes_.size()) throw std::out_of_range("outside of the volume");
    std::ranges::copy(bytes_.subspan(offset, into.size()), into.begin());
  }

 private:
  ByteView bytes_;
};

class BrokenReader final : public VolumeReader {
 public:
  void read(uint64_t, std::span<std::byte>) override { fail(ErrorKind::failed, "disk broke"); }
};

class BrokenPlan final : public DeltaSource {
 public:
  std::optional<DeltaExtent> next() override { fail(ErrorKind::failed, "disk broke"); }
};

/// A base of random bytes, and a snapshot that is the same until a test says what changed.
class ReferencesTest : public testing::Test {
 protected:
  References::Source source() {
    return {.snapshot =
                [this] {
                  ++opened_;
                  return std::make_unique<Reader>(snapshot_);
                },
            .base =
                [this] {
                  ++opened_;
                  return std::make_unique<Reader>(base_);
                },
            .plan =
                [this](uint64_t position) {
                  planned_from_.push_back(position);
                  return std::make_unique<ListedPlan>(plan_behind(position));
                },
            .size = size_};
  }
  References references(Ahead ahead = Ahead::first) {
    return {source(), [this] { return wanted_.load(); }, ahead};
  }

  [[nodiscard]] std::deque<DeltaExtent> plan_behind(uint64_t position) const {
    std::deque<DeltaExtent> rest;
    for (const DeltaExtent& part : plan_)
      if (const auto behind = clip(part.extent, position, UINT64_MAX))
        rest.push_back({*behind, part.kind});
    return rest;
  }

  /// Pages `from` and `from` + 1 of `bytes`, moved by some of them, to page `to` of the snapshot.
  void copy_pages(const Bytes& bytes, uint64_t from, uint64_t to, uint64_t shift = 77) {
    ASSERT_LE((to + 2) * kPage + shift, snapshot_.size());
    std::memmove(&snapshot_[to * kPage + shift], &bytes[from * kPage], 2 * kPage);
  }
  /// Other bytes in these pages of the snapshot.
  void renew(uint64_t page, uint64_t count = 1) {
    const Bytes bytes = random_bytes(count * kPage, static_cast<unsigned>(1000 + page));
    std::ranges::copy(bytes, snapshot_.begin() + static_cast<std::ptrdiff_t>(page * kPage));
  }

  static AlignedBytes bytes_of(const Bytes& volume, const std::vector<Extent>& extents) {
    AlignedBytes bytes;
    for (const Extent& extent : extents)
      append(bytes, ByteView(volume).subspan(extent.offset, extent.length));
    return bytes;
  }
  [[nodiscard]] PatchDraft draft(const std::vector<Extent>& extents) const {
    return {extents, bytes_of(snapshot_, extents), bytes_of(base_, extents)};
  }
  [[nodiscard]] PatchDraft draft_of_pages(uint64_t first, uint64_t count) const {
    return draft({{first * kPage, count * kPage}});
  }

  /// What any patch must be.
  void expect_by_the_rules(const PatchDraft& patch) const {
    const uint64_t begin = patch.extents.front().offset;
    AlignedBytes expected;
    uint64_t cursor = 0;
    for (const Extent& reference : patch.references) {
      EXPECT_EQ(0U, reference.offset % kPage);
      EXPECT_EQ(0U, reference.length % kPage);
      EXPECT_GT(reference.length, 0U);
      EXPECT_GE(reference.offset, cursor);
      cursor = reference.end();
      for (uint64_t at = reference.offset; at < reference.end(); ++at)
        expected.push_back((at < begin ? snapshot_ : base_).at(at));
      for (const Extent& extent : patch.extents)
        for (uint64_t at = reference.offset; at < reference.end(); at += kPage)
          EXPECT_FALSE(at >= extent.offset && at < extent.end()) << at;
    }
    EXPECT_LE(cursor, size_);
    append(expected, bytes_of(base_, patch.extents));
    EXPECT_EQ(expected, patch.base);
    EXPECT_EQ(bytes_of(snapshot_, patch.extents), patch.content);
  }

  PatchDraft with_references(References& references, PatchDraft patch) const {
    references.add_to(patch);
    expect_by_the_rules(patch);
    references.sent(patch.extents, patch.content);
    return patch;
  }

  Bytes base_ = random_bytes(kSize, 1);
  Bytes snapshot_ = base_;
  uint64_t size_ = kSize;
  std::deque<DeltaExtent> plan_ = {{{0, kSize}, DeltaKind::data}};
  std::atomic<bool> wanted_ = true;
  std::atomic<unsigned> opened_ = 0;
  std::vector<uint64_t> planned_from_;
};

constexpr uint64_t kBlock = 2 * kPage;  // places come in these
std::vector<Extent> block(uint64_t page) { return {{page * kPage, kBlock}}; }

TEST_F(ReferencesTest, BehindThePatchAreWhatTheBaseHas) {
  copy_pages(base_, 100, 10);
  renew(100, 2);  // but not yet
  References references = this->references();
  EXPECT_EQ(block(100), with_references(references, draft_of_pages(10, 3)).references);
}

TEST_F(ReferencesTest, BeforeThePatchAreWhatTheSnapshotHas) {
  renew(20);
  renew(100, 2);
  copy_pages(snapshot_, 100, 200);
  References references = this->references();
  with_references(references, draft_of_pages(20, 1));
  with_references(references, draft_of_pages(100, 2));
  EXPECT_EQ(block(100), with_references(references, draft_of_pages(200, 3)).references);
}

TEST_F(ReferencesTest, BeforeThePatchMayBeWhatDataFramesBrought) {
  renew(20);
  renew(100, 2);
  copy_pages(snapshot_, 100, 200);
  References references = this->references();
  with_references(references, draft_of_pages(20, 1));
  const std::vector<Extent> data = {{98 * kPage + 512, kPage}, {100 * kPage - 512, 3 * kPage}};
  references.sent(data, bytes_of(snapshot_, data));
  EXPECT_EQ(block(100), with_references(references, draft_of_pages(200, 3)).references);
}

/// The base's content there is gone by then, and what took its place does no harm.
TEST_F(ReferencesTest, BeforeThePatchAreNeverWhatTheBaseHad) {
  renew(20);
  copy_pages(base_, 100, 200);
  for (uint64_t at = 100 * kPage; at < 102 * kPage; at += 1000) snapshot_[at] ^= std::byte{1};
  References references = this->references();
  with_references(references, draft_of_pages(20, 1));
  const PatchDraft patch = with_references(references, draft_of_pages(200, 3));
  EXPECT_EQ(block(100), patch.references);
  EXPECT_EQ(0, std::memcmp(&snapshot_[100 * kPage], patch.base.data(), kBlock));
}

TEST_F(ReferencesTest, BothInOnePatch) {
  renew(20);
  renew(100, 2);
  copy_pages(snapshot_, 100, 150);
  copy_pages(base_, 200, 153, 5);
  renew(200, 2);
  References references = this->references();
  with_references(references, draft_of_pages(20, 1));
  with_references(references, draft_of_pages(100, 2));
  EXPECT_EQ((std::vector<Extent>{{100 * kPage, kBlock}, {200 * kPage, kBlock}}),
            with_references(references, draft_of_pages(150, 6)).references);
}

/// A session may continue within a page. Its first half is as in the snapshot then.
TEST_F(ReferencesTest, AcrossTheBeginOfThePatchAreBoth) {
  renew(50);
  std::memcpy(&snapshot_[60 * kPage], &base_[51 * kPage], kPage);
  plan_ = {{{48 * kPage, 16 * kPage}, DeltaKind::data}};
  References references = this->references();
  const PatchDraft patch =
      with_references(references, draft({{50 * kPage + 3072, 512}, {60 * kPage, kPage}}));
  EXPECT_EQ(block(50), patch.references);
}

TEST_F(ReferencesTest, AreNotAmongWhatIsPatched) {
  copy_pages(base_, 12, 10, 0);
  renew(12);
  References references = this->references();
  // Page 13 is the only one of its block that the patch does not have already.
  EXPECT_EQ(
      (std::vector<Extent>{{13 * kPage, kPage}}),
      with_references(references, draft({{10 * kPage, kBlock}, {12 * kPage, kPage}})).references);
  // And here is none.
  EXPECT_TRUE(with_references(references, draft_of_pages(10, 4)).references.empty());
}

TEST_F(ReferencesTest, EndWithTheBase) {
  copy_pages(base_, 100, 10);
  for (const uint64_t end : {102 * kPage, 102 * kPage - 512, 101 * kPage + 512, 101 * kPage}) {
    size_ = end;
    base_.resize(end);  // whatever reads more throws
    References references = this->references();
    const auto found = with_references(references, draft_of_pages(10, 3)).references;
    EXPECT_EQ((std::vector<Extent>{{100 * kPage, end / kPage * kPage - 100 * kPage}}), found);
  }
}

TEST_F(ReferencesTest, DoNotLieBehindTheBaseWhereTheVolumeGrew) {
  renew(20);
  renew(100, 2);
  copy_pages(snapshot_, 100, 30);  // of what was sent, were it in order
  size_ = 100 * kPage;
  References references = this->references();
  with_references(references, draft_of_pages(20, 1));
  references.sent(block(100), bytes_of(snapshot_, block(100)));
  EXPECT_TRUE(with_references(references, draft_of_pages(30, 3)).references.empty());
}

TEST_F(ReferencesTest, AreOnlyWhereThePlanGoes) {
  plan_ = {{{8 * kPage, 8 * kPage}, DeltaKind::data},
           {{96 * kPage, 8 * kPage}, DeltaKind::unmap},
           {{120 * kPage, 8 * kPage}, DeltaKind::data}};
  copy_pages(base_, 100, 10);
  copy_pages(base_, 110, 12);
  copy_pages(base_, 122, 14);
  References references = this->references();
  EXPECT_EQ(block(122), with_references(references, draft_of_pages(10, 6)).references);
}

/// Nobody knows what a receiver has where nothing was ever written.
TEST_F(ReferencesTest, AreNoBlocksOfZeros) {
  std::fill_n(&base_[100 * kPage], kBlock, std::byte{0});
  std::fill_n(&snapshot_[10 * kPage], kPage, std::byte{0});
  copy_pages(base_, 100, 10);
  copy_pages(base_, 102, 12);
  References references = this->references();
  EXPECT_EQ(block(102), with_references(references, draft_of_pages(10, 5)).references);
}

TEST_F(ReferencesTest, AreTheBestOfTooMany) {
  for (uint64_t i = 0; i < 60; ++i)
    std::memcpy(&snapshot_[i * kPage], &base_[(100 + 2 * i) * kPage], kPage);
  References references = this->references();
  const auto found = with_references(references, draft_of_pages(0, 60)).references;
  EXPECT_EQ(48 * kBlock, total_length(found));
}

TEST_F(ReferencesTest, AreNoneWhereTheBaseHasItInPlace) {
  snapshot_[10 * kPage + 100] ^= std::byte{1};
  References references = this->references();
  EXPECT_TRUE(with_references(references, draft_of_pages(10, 1)).references.empty());
}

TEST_F(ReferencesTest, OpenNothingUntilTheyAreWanted) {
  copy_pages(base_, 100, 10);
  wanted_ = false;
  for (const Ahead ahead : {Ahead::first, Ahead::in_background}) {
    References references = this->references(ahead);
    EXPECT_TRUE(with_references(references, draft_of_pages(10, 3)).references.empty());
    references.sent(block(20), bytes_of(snapshot_, block(20)));
  }
  EXPECT_EQ(0U, opened_);
  EXPECT_TRUE(planned_from_.empty());
}

TEST_F(ReferencesTest, LookAheadFromWhereTheyAreWantedFirst) {
  copy_pages(base_, 100, 10);
  copy_pages(base_, 5, 13);
  References references = this->references();
  wanted_ = false;
  with_references(references, draft_of_pages(2, 1));
  wanted_ = true;
  EXPECT_EQ(block(100), with_references(references, draft_of_pages(10, 6)).references);
  wanted_ = false;
  EXPECT_TRUE(with_references(references, draft_of_pages(11, 5)).references.empty());
  wanted_ = true;
  EXPECT_FALSE(with_references(references, draft_of_pages(11, 5)).references.empty());
  EXPECT_EQ(std::vector{10 * kPage}, planned_from_);
}

TEST_F(ReferencesTest, WhatIsSentWhileTheyAreNotWantedIsNotKept) {
  renew(20);
  renew(100, 2);
  copy_pages(snapshot_, 100, 200);
  References references = this->references();
  with_references(references, draft_of_pages(20, 1));
  wanted_ = false;
  with_references(references, draft_of_pages(100, 2));
  wanted_ = true;
  EXPECT_TRUE(with_references(references, draft_of_pages(200, 3)).references.empty());
}

TEST_F(ReferencesTest, AreTheSameEveryTimeWhenTheBaseIsIndexedFirst) {
  std::mt19937_64 dice(1);
  for (uint64_t page = 0; page < 100; ++page)
    copy_pages(base_, dice() % 254, 2 * page, dice() % 4096);
  std::vector<std::vector<Extent>> found;
  for (unsigned i = 0; i < 2; ++i) {
    References references = this->references();
    std::vector<Extent> all;
    for (uint64_t page = 0; page < 200; page += 10)
      for (const Extent& extent : with_references(references, draft_of_pages(page, 10)).references)
        all.push_back(extent);
    found.push_back(std::move(all));
  }
  EXPECT_GT(found[0].size(), 50U);
  EXPECT_EQ(found[0], found[1]);
}

TEST_F(ReferencesTest, AreFoundInTheBackgroundSoonerOrLater) {
  copy_pages(base_, 100, 10);
  renew(100, 2);
  References references = this->references(Ahead::in_background);
  std::vector<Extent> found;
  const auto latest = std::chrono::steady_clock::now() + std::chrono::minutes(1);
  while (found.empty() && std::chrono::steady_clock::now() < latest) {
    PatchDraft patch = draft_of_pages(10, 3);
    references.add_to(patch);
    expect_by_the_rules(patch);
    found = patch.references;
  }
  EXPECT_EQ(block(100), found);
}

/// While the index grows.
TEST_F(ReferencesTest, FollowTheRulesWhateverTheBackgroundKnows) {
  std::mt19937_64 dice(1);
  for (uint64_t page = 0; page < 120; ++page)
    copy_pages(base_, dice() % 254, 2 * page, dice() % 4096);
  References references = this->references(Ahead::in_background);
  for (uint64_t page = 0; page < 240; page += 10)
    with_references(references, draft_of_pages(page, 10));
}

/// Gets on with what was sent.
void expect_no_harm(References references, const PatchDraft& first, const PatchDraft& later) {
  PatchDraft patch = first;
  references.add_to(patch);
  references.sent(patch.extents, patch.content);
  patch = later;
  references.add_to(patch);
  EXPECT_EQ(first.extents, patch.references);
}

TEST_F(ReferencesTest, AnErrorInTheBackgroundDoesNoHarm) {
  renew(100, 2);
  copy_pages(snapshot_, 100, 200);
  const PatchDraft first = draft_of_pages(100, 2);
  const PatchDraft later = draft_of_pages(200, 3);
  const auto wanted = [] { return true; };
  unsigned bases = 0;  // the second one is for the background
  References::Source reading = source();
  reading.base = [&, open = reading.base]() -> std::unique_ptr<VolumeReader> {
    if (++bases == 2) return std::make_unique<BrokenReader>();
    return open();
  };
  expect_no_harm({std::move(reading), wanted, Ahead::in_background}, first, later);

  References::Source planning = source();
  planning.plan = [](uint64_t) { return std::make_unique<BrokenPlan>(); };
  expect_no_harm({std::move(planning), wanted, Ahead::in_background}, first, later);
}

/// Who looks for changes says it, in its place.
TEST_F(ReferencesTest, ABaseThatCannotBeReadAheadDoesNoHarm) {
  copy_pages(base_, 100, 10);
  References::Source broken = source();
  broken.base = [] { return std::make_unique<BrokenReader>(); };
  References references(
      std::move(broken), [] { return true; }, Ahead::first);
  PatchDraft patch = draft_of_pages(10, 3);
  references.add_to(patch);
  EXPECT_TRUE(patch.references.empty());
}

/// Endless, and as slow as any.
class EndlessReader final : public VolumeReader {
 public:
  explicit EndlessReader(std::atomic<unsigned>& reads) : reads_(reads) {}
  void read(uint64_t, std::span<std::byte> into) override {
    std::ranges::fill(into, std::byte{1});
    ++reads_;
    reads_.notify_all();
  }

 private:
  std::atomic<unsigned>& reads_;
};

TEST_F(ReferencesTest, StopLookingAheadWhenTheyGo) {
  constexpr uint64_t kHuge = uint64_t{1} << 50;
  std::atomic<unsigned> reads = 0;
  plan_ = {{{0, kHuge}, DeltaKind::data}};
  References::Source huge = source();
  huge.base = [&] { return std::make_unique<EndlessReader>(reads); };
  huge.size = kHuge;
  {
    References references(
        std::move(huge), [] { return true; }, Ahead::in_background);
    PatchDraft patch = draft_of_pages(10, 1);
    references.add_to(patch);
    reads.wait(0);
  }
  EXPECT_GT(reads, 0U);
}

}  // namespace
}  // namespace bsr
