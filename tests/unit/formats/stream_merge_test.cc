// Who wins where two streams that follow each other name the same, and what is zero because the
// volume ended in between.
#include "formats/stream_merge.h"

#include <gtest/gtest.h>

#include "base/sector.h"
#include "tests/fakes/thrown_error.h"
#include "tests/unit/formats/stream_builder.h"

namespace bsr {
namespace {

/// The frames of a list, as a source that says how many it gave.
class Frames {
 public:
  explicit Frames(std::vector<FrameBody> bodies)
      : bodies_(std::move(bodies)), changes_([this] { return next(); }, {}) {}
  Frames(const Frames&) = delete;
  Frames& operator=(const Frames&) = delete;

  FrameChanges& changes() { return changes_; }
  [[nodiscard]] bool read_to_the_end() const { return ended_; }

 private:
  std::optional<Frame> next() {
    ended_ = given_ == bodies_.size();
    if (ended_) return std::nullopt;
    return Frame{bodies_[given_++], given_, 0, 0, false};
  }

  std::vector<FrameBody> bodies_;
  size_t given_ = 0;
  bool ended_ = false;
  FrameChanges changes_;
};

/// Of snapshots 1, 2 and so on; number 0 is none. Sizes are sectors.
BeginFrame begin_of(int base, uint64_t base_size, int snapshot, uint64_t size) {
  BeginFrame begin = full_begin(size * kSectorSize);
  begin.snapshot_id = fmt::format("snapshot-{}", snapshot);
  begin.snapshot_time = snapshot;
  if (base == 0) return begin;
  begin.base_id = fmt::format("snapshot-{}", base);
  begin.base_size = base_size * kSectorSize;
  return begin;
}
BeginFrame older_delta(uint64_t base_size, uint64_t size) {
  return begin_of(1, base_size, 2, size);
}
BeginFrame newer_delta(uint64_t base_size, uint64_t size) {
  return begin_of(2, base_size, 3, size);
}

std::vector<Extent> sectors(std::vector<Extent> extents) {
  for (Extent& extent : extents)
    extent = {extent.offset * kSectorSize, extent.length * kSectorSize};
  return extents;
}
ZeroFrame zero(std::vector<Extent> extents) { return {sectors(std::move(extents))}; }
UnmapFrame unmap(std::vector<Extent> extents) { return {sectors(std::move(extents))}; }

/// Each sector is full of its number, plus `seed`.
DataFrame data(std::vector<Extent> extents, unsigned seed) {
  DataFrame frame;
  for (const Extent& extent : extents)
    for (uint64_t i = extent.offset; i < extent.end(); ++i)
      frame.content.insert(frame.content.end(), kSectorSize, static_cast<std::byte>(i + seed));
  frame.extents = sectors(std::move(extents));
  return frame;
}

/// "data 3+2 seed 100": the kind, sectors, and where data comes from.
std::string describe(const Change& change) {
  const uint64_t first = change.extent.offset / kSectorSize;
  const std::string extent = fmt::format("{}+{}", first, change.extent.length / kSectorSize);
  if (change.kind == ChangeKind::zero) return "zero " + extent;
  if (change.kind == ChangeKind::unmap) return "unmap " + extent;
  EXPECT_EQ(change.extent.length, change.content.size());
  const uint64_t seed = std::to_integer<uint64_t>(change.content[0]) - first;
  for (uint64_t i = 0; i < change.content.size(); ++i)
    if (change.content[i] != static_cast<std::byte>(first + i / kSectorSize + seed))
      return "data that belongs elsewhere at " + extent;
  return fmt::format("data {} seed {}", extent, seed);
}

std::vector<std::string> merge(const BeginFrame& older_begin, std::vector<FrameBody> older_frames,
                               const BeginFrame& newer_begin, std::vector<FrameBody> newer_frames) {
  Frames older(std::move(older_frames));
  Frames newer(std::move(newer_frames));
  StreamMerge merge(older_begin, older.changes(), newer_begin, newer.changes());
  std::vector<std::string> changes;
  while (const std::optional<Change> change = merge.next()) changes.push_back(describe(*change));
  EXPECT_TRUE(older.read_to_the_end());
  EXPECT_TRUE(newer.read_to_the_end());
  EXPECT_FALSE(merge.next());
  return changes;
}

using Texts = std::vector<std::string>;

TEST(StreamMerge, WhatTheNewerNamesWinsAndTheRestOfTheOlderStays) {
  EXPECT_EQ((Texts{"data 0+2 seed 10", "data 2+1 seed 20", "data 3+2 seed 10", "zero 5+1",
                   "data 6+2 seed 10", "unmap 9+1"}),
            merge(older_delta(16, 16), {data({{0, 8}}, 10), zero({{9, 1}})}, newer_delta(16, 16),
                  {data({{2, 1}}, 20), zero({{5, 1}}), unmap({{9, 1}})}));
}

TEST(StreamMerge, OneExtentMayCoverManyAndPartsOfOthers) {
  EXPECT_EQ((Texts{"data 1+1 seed 10", "zero 2+8", "data 10+1 seed 10"}),
            merge(older_delta(16, 16), {data({{1, 2}, {4, 1}}, 10), data({{6, 1}, {9, 2}}, 10)},
                  newer_delta(16, 16), {zero({{2, 8}})}));
}

TEST(StreamMerge, EitherMayBeEmpty) {
  EXPECT_EQ(Texts{}, merge(older_delta(16, 16), {}, newer_delta(16, 16), {}));
  EXPECT_EQ(Texts{"zero 1+1"},
            merge(older_delta(16, 16), {}, newer_delta(16, 16), {zero({{1, 1}})}));
  EXPECT_EQ(Texts{"zero 1+1"},
            merge(older_delta(16, 16), {zero({{1, 1}})}, newer_delta(16, 16), {}));
}

TEST(StreamMerge, ShrinkingCutsTheOlderOff) {
  EXPECT_EQ(
      (Texts{"data 2+2 seed 10"}),
      merge(older_delta(8, 16), {data({{2, 6}}, 10), zero({{9, 1}})}, newer_delta(16, 4), {}));
}

// 10 sectors, 5, then 8: the sectors from 5 to 8 are zero, but the base has something there.
TEST(StreamMerge, WhatWasCutOffInBetweenIsNamed) {
  EXPECT_EQ(Texts{"unmap 5+3"}, merge(older_delta(10, 5), {}, newer_delta(5, 8), {}));
  EXPECT_EQ((Texts{"zero 4+1", "unmap 5+1", "data 6+1 seed 20", "unmap 7+1"}),
            merge(older_delta(10, 5), {zero({{4, 1}})}, newer_delta(5, 8), {data({{6, 1}}, 20)}));
}

TEST(StreamMerge, WhatWasCutOffIsNamedOnlyWhereTheBaseHasIt) {
  EXPECT_EQ(Texts{"unmap 5+5"}, merge(older_delta(10, 5), {}, newer_delta(5, 16), {}));
  EXPECT_EQ(Texts{}, merge(older_delta(10, 5), {}, newer_delta(5, 5), {}));
  EXPECT_EQ(Texts{}, merge(older_delta(10, 5), {}, newer_delta(5, 3), {}));
  EXPECT_EQ(Texts{}, merge(older_delta(4, 5), {}, newer_delta(5, 8), {}));
  EXPECT_EQ(Texts{"unmap 0+8"}, merge(older_delta(10, 0), {}, newer_delta(0, 8), {}));
}

TEST(StreamMerge, OfAFullStreamComesAFullOneThatNamesNoUnmappedAreas) {
  const BeginFrame full = begin_of(0, 0, 2, 16);
  EXPECT_EQ((Texts{"data 0+2 seed 10", "data 4+1 seed 10", "zero 8+1"}),
            merge(full, {data({{0, 5}}, 10), unmap({{6, 1}})}, newer_delta(16, 16),
                  {unmap({{2, 2}}), zero({{8, 1}})}));
  EXPECT_TRUE(merged_begin(full, newer_delta(16, 16)).is_full());
}

TEST(StreamMerge, MergesWithTheNextStream) {
  Frames first({data({{0, 8}}, 10)});
  Frames second({data({{2, 4}}, 20)});
  Frames third({data({{3, 1}}, 30)});
  StreamMerge both(older_delta(8, 8), first.changes(), newer_delta(8, 8), second.changes());
  StreamMerge all(both.begin(), both, begin_of(3, 8, 4, 8), third.changes());
  Texts changes;
  while (const std::optional<Change> change = all.next()) changes.push_back(describe(*change));
  EXPECT_EQ((Texts{"data 0+2 seed 10", "data 2+1 seed 20", "data 3+1 seed 30", "data 4+2 seed 20",
                   "data 6+2 seed 10"}),
            changes);
  EXPECT_EQ("snapshot-1", all.begin().base_id);
  EXPECT_EQ("snapshot-4", all.begin().snapshot_id);
}

TEST(StreamMerge, BeginIsThatOfTheNewerSinceTheBaseOfTheOlder) {
  BeginFrame older = older_delta(10, 5);
  BeginFrame newer = newer_delta(5, 8);
  newer.epoch = 7;
  newer.chunk_size = 131072;
  newer.name = "vg/renamed";
  BeginFrame expected = begin_of(1, 10, 3, 8);
  expected.epoch = 7;
  expected.chunk_size = 131072;
  expected.name = "vg/renamed";
  expected.plan_data = 0;
  expected.plan_extents = 0;
  expected.plan_hash = {};
  EXPECT_EQ(bsr::describe(expected), bsr::describe(merged_begin(older, newer)));
}

std::optional<Error> merging(const BeginFrame& older, const BeginFrame& newer) {
  return error_thrown_by([&] { static_cast<void>(merged_begin(older, newer)); });
}

TEST(StreamMerge, HasTheStatesOfBothEndsAndRefusesTwoOfTheMiddle) {
  constexpr SourceState kFirst = {std::byte{1}};
  constexpr SourceState kMiddle = {std::byte{2}};
  constexpr SourceState kLast = {std::byte{3}};
  BeginFrame older = older_delta(4, 4);
  BeginFrame newer = newer_delta(4, 4);
  EXPECT_FALSE(merged_begin(older, newer).has_states());
  newer.set_states(kLast, kMiddle);
  EXPECT_EQ(SourceState{}, merged_begin(older, newer).base_state);
  older.set_states(kMiddle, kFirst);
  const BeginFrame begin = merged_begin(older, newer);
  EXPECT_TRUE(begin.has_states());
  EXPECT_EQ(kFirst, begin.base_state);
  EXPECT_EQ(kLast, begin.snapshot_state);
  newer.set_states(kLast, kFirst);
  const auto error = merging(older, newer);
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::base, error->kind());
}

TEST(StreamMerge, RefusesStreamsThatDoNotFollowEachOther) {
  const std::vector<std::pair<BeginFrame, BeginFrame>> pairs = {
      {older_delta(4, 4), begin_of(3, 4, 4, 4)},  // another base
      {older_delta(4, 4), newer_delta(5, 5)},     // another size
      {newer_delta(4, 4), older_delta(4, 4)},     // the wrong order
      {older_delta(4, 4), older_delta(4, 4)},     // twice the same
      {older_delta(4, 4), begin_of(0, 0, 2, 4)},  // a full one
      {begin_of(0, 0, 2, 4), begin_of(0, 0, 2, 4)}};
  for (const auto& [older, newer] : pairs) {
    const auto error = merging(older, newer);
    ASSERT_TRUE(error);
    EXPECT_EQ(ErrorKind::base, error->kind());
  }
  const std::string text = merging(newer_delta(4, 4), older_delta(4, 4))->what();
  EXPECT_NE(std::string::npos, text.find("in the other order")) << text;
}

TEST(StreamMerge, RefusesTheRestOfAStream) {
  BeginFrame begin = older_delta(4, 4);
  check_is_whole(begin);
  begin.resume.position = kSectorSize;
  EXPECT_EQ(ErrorKind::usage, kind_thrown_by([&] { check_is_whole(begin); }));
}

TEST(StreamMerge, PlanIsWhatASenderOfTheSameExtentsSays) {
  Frames frames({data({{0, 2}}, 10), zero({{2, 1}, {5, 1}}), unmap({{6, 2}, {8, 1}})});
  const PlanFigures figures = plan_of(frames.changes(), 65536);
  EXPECT_EQ(4 * kSectorSize, figures.data_bytes);
  EXPECT_EQ(3 * kSectorSize, figures.unmap_bytes);
  EXPECT_EQ(3U, figures.extents);
  PlanCounter sender(65536);
  sender.add({{0, 3 * kSectorSize}, DeltaKind::data});
  sender.add({{5 * kSectorSize, kSectorSize}, DeltaKind::data});
  sender.add({{6 * kSectorSize, 3 * kSectorSize}, DeltaKind::unmap});
  EXPECT_EQ(sender.finish().hash, figures.hash);
}

TEST(ChangeGatherer, CutsLongDataAndJoinsNeighbours) {
  Frames frames({data({{0, 2048}}, 0), data({{2048, 1}, {2049, 1}}, 0), zero({{4096, 1 << 20}})});
  ChangeGatherer gatherer(frames.changes());
  uint64_t position = 0;
  std::vector<size_t> sizes;
  while (const std::optional<Piece> piece = gatherer.next()) {
    const auto* data = std::get_if<DataFrame>(&*piece);
    if (data == nullptr) break;
    EXPECT_EQ(1U, data->extents.size());
    EXPECT_EQ(position, data->extents[0].offset);
    position = end_of(*piece);
    sizes.push_back(data->content.size());
  }
  EXPECT_EQ((std::vector<size_t>{kPieceContent, kPieceContent, kPieceContent, kPieceContent, 1024}),
            sizes);
}

TEST(ChangeGatherer, KeepsToTheNumberOfExtents) {
  std::vector<Extent> extents;
  for (uint64_t i = 0; i < stream::kMaxExtents; ++i) extents.push_back({2 * i, 1});
  Frames frames({zero(extents), zero({{10000, 1}})});
  ChangeGatherer gatherer(frames.changes());
  EXPECT_EQ(stream::kMaxExtents, std::get<ZeroFrame>(*gatherer.next()).extents.size());
  EXPECT_EQ(1U, std::get<ZeroFrame>(*gatherer.next()).extents.size());
  EXPECT_FALSE(gatherer.next());
}

}  // namespace
}  // namespace bsr
