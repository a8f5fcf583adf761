// Whole frames in the wrong order, place or number: what no checksum of a frame can tell.
#include "formats/stream_grammar.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

#include "tests/unit/formats/stream_builder.h"

namespace bsr {
namespace {

std::optional<ErrorKind> refusal_of(const std::vector<FrameBody>& bodies) {
  return refusal(wire(bodies));
}

/// A valid stream after `change` was done to its END.
std::optional<ErrorKind> refusal_with_end(const std::function<void(EndFrame&)>& change) {
  std::vector<FrameBody> bodies = small_stream();
  change(std::get<EndFrame>(bodies.back()));
  return refusal_of(bodies);
}

TEST(StreamGrammar, TakesEveryKindOfFrame) { EXPECT_EQ(std::nullopt, refusal_of(small_stream())); }

TEST(StreamGrammar, RefusesAStreamThatDoesNotBeginWithBegin) {
  const std::vector<FrameBody> bodies = small_stream();
  for (size_t first = 1; first < bodies.size(); ++first) {
    EXPECT_EQ(ErrorKind::corrupt, refusal_of({bodies[first]})) << describe(bodies[first]);
  }
}

TEST(StreamGrammar, RefusesASecondBegin) {
  EXPECT_EQ(ErrorKind::corrupt, refusal_of({full_begin(), full_begin()}));
}

TEST(StreamGrammar, RefusesExtentsThatDescendFromFrameToFrame) {
  EXPECT_EQ(ErrorKind::corrupt,
            refusal_of(whole(full_begin(), {data_frame({{4096, 512}}), data_frame({{0, 512}})})));
}

TEST(StreamGrammar, RefusesExtentsThatOverlapFromFrameToFrame) {
  EXPECT_EQ(ErrorKind::corrupt,
            refusal_of(whole(full_begin(), {data_frame({{0, 1024}}), ZeroFrame{{{512, 512}}}})));
  EXPECT_EQ(ErrorKind::corrupt,
            refusal_of(whole(full_begin(), {UnmapFrame{{{0, 512}}}, data_frame({{0, 512}})})));
}

TEST(StreamGrammar, RefusesExtentsOutsideTheVolume) {
  EXPECT_EQ(std::nullopt, refusal_of(whole(full_begin(4096), {ZeroFrame{{{3584, 512}}}})));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(whole(full_begin(4096), {ZeroFrame{{{3584, 1024}}}})));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(whole(full_begin(4096), {ZeroFrame{{{4096, 512}}}})));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(whole(full_begin(4096), {data_frame({{4096, 512}})})));
}

TEST(StreamGrammar, RefusesAContentBaseWithoutAContentRoot) {
  BeginFrame begin = delta_begin(8192, 4096);
  begin.base_id = "content:0123456789";
  std::vector<FrameBody> bodies = whole(begin, {});
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(bodies));
  std::get<EndFrame>(bodies.back()).content_root.fill(std::byte{1});
  EXPECT_EQ(std::nullopt, refusal_of(bodies));
}

TEST(StreamGrammar, ExtentsOfADeltaMayLieBehindTheEndOfTheBase) {
  EXPECT_EQ(std::nullopt, refusal_of(whole(delta_begin(8192, 4096), {data_frame({{4096, 512}})})));
}

TEST(StreamGrammar, RefusesACheckpointBelowWhatWasSent) {
  EXPECT_EQ(ErrorKind::corrupt,
            refusal_of(whole(full_begin(), {data_frame({{0, 1024}}), CheckpointFrame{512, {}}})));
}

TEST(StreamGrammar, RefusesACheckpointBehindTheEndOfTheVolume) {
  EXPECT_EQ(std::nullopt, refusal_of(whole(full_begin(4096), {CheckpointFrame{4096, {}}})));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(whole(full_begin(4096), {CheckpointFrame{4608, {}}})));
  EXPECT_EQ(ErrorKind::corrupt,
            refusal_of(whole(full_begin(4096), {CheckpointFrame{UINT64_MAX, {}}})));
}

TEST(StreamGrammar, RefusesACheckpointInsideASector) {
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(whole(full_begin(), {CheckpointFrame{100, {}}})));
}

TEST(StreamGrammar, RefusesACheckpointWithAnotherDigest) {
  std::vector<FrameBody> bodies =
      whole(full_begin(), {data_frame({{0, 512}}), CheckpointFrame{512, {}}});
  std::get<CheckpointFrame>(bodies[2]).digest[0] ^= std::byte{1};

  EXPECT_EQ(ErrorKind::corrupt, refusal_of(bodies));
}

TEST(StreamGrammar, RefusesExtentsBelowACheckpoint) {
  EXPECT_EQ(
      ErrorKind::corrupt,
      refusal_of(whole(full_begin(), {CheckpointFrame{4096, {}}, data_frame({{3584, 512}})})));
}

TEST(StreamGrammar, RefusesEveryWrongCountInEnd) {
  EXPECT_EQ(ErrorKind::corrupt, refusal_with_end([](EndFrame& end) { ++end.frames; }));
  EXPECT_EQ(ErrorKind::corrupt, refusal_with_end([](EndFrame& end) { --end.extents; }));
  EXPECT_EQ(ErrorKind::corrupt, refusal_with_end([](EndFrame& end) { end.data_bytes = 0; }));
  EXPECT_EQ(ErrorKind::corrupt, refusal_with_end([](EndFrame& end) { end.zero_bytes += 512; }));
  EXPECT_EQ(ErrorKind::corrupt, refusal_with_end([](EndFrame& end) { end.unmap_bytes += 512; }));
}

TEST(StreamGrammar, RefusesEveryOtherDigestInEnd) {
  for (size_t i = 0; i < stream::kDigestSize; ++i)
    EXPECT_EQ(ErrorKind::corrupt,
              refusal_with_end([&](EndFrame& end) { end.digest[i] ^= std::byte{0x10}; }));
}

TEST(StreamGrammar, AResumedStreamAddsUpToTheWholeTransfer) {
  const std::vector<FrameBody> whole = small_stream();
  for (size_t cut = 1; cut + 1 < whole.size(); ++cut) {
    StreamGrammar first;
    for (size_t i = 0; i < cut; ++i) first.check(Frame{whole[i]});
    const ResumePoint point = first.progress();
    if (point.position == 0) continue;

    BeginFrame begin = std::get<BeginFrame>(whole.front());
    begin.resume = point;
    std::vector<FrameBody> rest = {begin};
    rest.insert(rest.end(), whole.begin() + static_cast<std::ptrdiff_t>(cut), whole.end());
    EXPECT_EQ(std::nullopt, refusal_of(rest)) << cut;

    begin.resume.totals.digest[3] ^= std::byte{1};
    rest.front() = begin;
    EXPECT_EQ(ErrorKind::corrupt, refusal_of(rest)) << cut;

    begin.resume = point;
    begin.resume.totals.extents += 1;
    rest.front() = begin;
    EXPECT_EQ(ErrorKind::corrupt, refusal_of(rest)) << cut;
  }
}

HoldsFrame holds(std::vector<Extent> extents) { return {std::move(extents), {}}; }

TEST(StreamGrammar, LetsAResumedStreamSayFirstWhatItsSnapshotHolds) {
  BeginFrame begin = full_begin();
  begin.resume.position = 8192;
  begin.resume.totals.frames = 1;
  const DataFrame data = data_frame({{8192, 512}});
  EXPECT_EQ(std::nullopt,
            refusal_of(whole(begin, {holds({{0, 512}, {1024, 512}}), UnknownFrame{0x8001},
                                     holds({{4096, 4096}}), data})));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(whole(begin, {data, holds({{0, 512}})})));
  EXPECT_EQ(ErrorKind::corrupt,
            refusal_of(whole(begin, {CheckpointFrame{8192, {}}, holds({{0, 512}})})));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(whole(begin, {holds({{8192, 512}})})));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(whole(begin, {holds({{4096, 8192}})})));
  EXPECT_EQ(ErrorKind::corrupt,
            refusal_of(whole(begin, {holds({{1024, 512}}), holds({{512, 512}})})));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(whole(full_begin(), {holds({{0, 512}})})));
}

TEST(StreamGrammar, WhatIsLookedAtForTheContentRootAscendsInsideTheVolume) {
  const auto refused = [](std::vector<FrameBody> between) {
    return refusal_of(whole(full_begin(1 << 20), std::move(between)));
  };
  EXPECT_EQ(std::nullopt, refused({ContentFrame{0}, data_frame({{8192, 512}}), ContentFrame{512},
                                   ContentFrame{512}, ContentFrame{1 << 20}}));
  EXPECT_EQ(ErrorKind::corrupt, refused({ContentFrame{512}, ContentFrame{0}}));
  EXPECT_EQ(ErrorKind::corrupt, refused({ContentFrame{(1 << 20) + 512}}));
}

TEST(StreamGrammar, AContentFrameMayStandBeforeHolds) {
  BeginFrame begin = full_begin();
  begin.resume.position = 8192;
  begin.resume.totals.frames = 1;
  EXPECT_EQ(std::nullopt, refusal_of(whole(begin, {ContentFrame{0}, holds({{0, 512}})})));
}

TEST(StreamGrammar, AResumedStreamNamesNothingBeforeItsPosition) {
  BeginFrame begin = full_begin();
  begin.resume.position = 4096;

  EXPECT_EQ(ErrorKind::corrupt, refusal_of({begin, ZeroFrame{{{0, 512}}}}));
}

bool may_be_passed_over(const FrameBody& body) {
  return std::holds_alternative<UnknownFrame>(body) || std::holds_alternative<ContentFrame>(body);
}

TEST(StreamGrammar, NoticesEveryFrameThatIsLost) {
  const std::vector<FrameBody> bodies = small_stream();
  for (size_t lost = 0; lost < bodies.size(); ++lost) {
    std::vector<FrameBody> rest = bodies;
    rest.erase(rest.begin() + static_cast<std::ptrdiff_t>(lost));
    // Numbered anew, so that only the content can tell. These carry no content.
    const bool harmless =
        std::holds_alternative<CheckpointFrame>(bodies[lost]) || may_be_passed_over(bodies[lost]);
    EXPECT_EQ(harmless, refusal_of(rest) == std::nullopt) << describe(bodies[lost]);
  }
}

TEST(StreamGrammar, NoticesEveryFrameThatComesTwice) {
  const std::vector<FrameBody> bodies = small_stream();
  for (size_t twice = 0; twice < bodies.size(); ++twice) {
    std::vector<FrameBody> more = bodies;
    more.insert(more.begin() + static_cast<std::ptrdiff_t>(twice), bodies[twice]);
    const bool harmless =
        std::holds_alternative<CheckpointFrame>(bodies[twice]) || may_be_passed_over(bodies[twice]);
    EXPECT_EQ(harmless, refusal_of(more) == std::nullopt) << describe(bodies[twice]);
  }
}

TEST(StreamGrammar, NoticesFramesThatChangePlaces) {
  const std::vector<FrameBody> bodies = small_stream();
  for (size_t first = 0; first + 1 < bodies.size(); ++first) {
    if (may_be_passed_over(bodies[first]) || may_be_passed_over(bodies[first + 1]))
      continue;  // these may stand anywhere
    std::vector<FrameBody> swapped = bodies;
    std::swap(swapped[first], swapped[first + 1]);
    EXPECT_EQ(ErrorKind::corrupt, refusal_of(swapped)) << first;
  }
}

TEST(StreamGrammar, NoticesDataThatChangedBeforeItWasFramed) {
  // As a fault in memory between reading and writing would: every checksum is computed after it.
  std::vector<FrameBody> bodies = small_stream();
  std::get<DataFrame>(bodies[1]).content[0] ^= std::byte{1};

  EXPECT_EQ(ErrorKind::corrupt, refusal_of(bodies));
}

TEST(StreamGrammar, NoticesZerosThatBecameUnmapped) {
  std::vector<FrameBody> bodies = whole(full_begin(), {ZeroFrame{{{0, 512}}}});
  bodies[1] = UnmapFrame{{{0, 512}}};
  EndFrame& end = std::get<EndFrame>(bodies[2]);
  std::swap(end.zero_bytes, end.unmap_bytes);  // the counts agree, the digest does not

  EXPECT_EQ(ErrorKind::corrupt, refusal_of(bodies));
}

TEST(StreamGrammar, NoticesAnEndThatBelongsToAnotherBegin) {
  std::vector<FrameBody> bodies = small_stream();
  std::get<BeginFrame>(bodies[0]).snapshot_id = "another";

  EXPECT_EQ(ErrorKind::corrupt, refusal_of(bodies));
}

TEST(StreamGrammar, ErrorsNameThePlaceInTheStream) {
  const std::vector<FrameBody> bodies = {full_begin(), full_begin()};
  try {
    receive(wire(bodies));
    FAIL();
  } catch (const Error& error) {
    EXPECT_STREQ("stream at byte 552: a second BEGIN", error.what());
  }
}

}  // namespace
}  // namespace bsr
