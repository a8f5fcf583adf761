// What patches are packed against when streams are merged: where it is known from, and what is
// refused.
#include <gtest/gtest.h>

#include "tests/unit/bsr-stream/merging.h"

namespace bsr {
namespace {

constexpr uint64_t kPage = 4096;
constexpr uint64_t kSize = 16 * kPage;

std::vector<Extent> pages(std::vector<Extent> numbers) {
  for (Extent& place : numbers) place = {place.offset * kPage, place.length * kPage};
  return numbers;
}

/// Snapshots 1, 2 and so on; number 0 is none.
BeginFrame begin_of(int base, int snapshot, uint64_t base_size = kSize, uint64_t size = kSize) {
  BeginFrame begin = full_begin(size);
  begin.snapshot_id = fmt::format("snapshot-{}", snapshot);
  if (base == 0) return begin;
  begin.base_id = fmt::format("snapshot-{}", base);
  begin.base_size = base_size;
  return begin;
}

/// A volume that holds what patch_frame() with these places is packed against, and else threes.
Bytes base_of(const std::vector<Extent>& extents, const std::vector<Extent>& references = {}) {
  Bytes volume(kSize, std::byte{3});
  const AlignedBytes base = patch_base(extents, references);
  size_t taken = 0;
  for (const auto& places : {references, extents})
    for (const Extent& place : places) {
      std::copy_n(base.begin() + static_cast<std::ptrdiff_t>(taken), place.length,
                  volume.begin() + static_cast<std::ptrdiff_t>(place.offset));
      taken += place.length;
    }
  return volume;
}

DataFrame part_of(const Bytes& volume, const std::vector<Extent>& extents) {
  DataFrame data{extents, {}};
  for (const Extent& extent : extents)
    append(data.content, ByteView(volume).subspan(extent.offset, extent.length));
  return data;
}

const std::vector<FrameBody> kNothing = {};

/// What is said about the second of the streams; empty when they can be merged.
std::string refusal_of_second(ErrorKind kind, const std::vector<Bytes>& streams,
                              const std::optional<Bytes>& base = {}) {
  const auto error = error_thrown_by([&] { merged(streams, base); });
  if (!error) return "";
  EXPECT_EQ(kind, error->kind()) << error->what();
  EXPECT_TRUE(std::string(error->what()).starts_with("/proc/self/fd/")) << error->what();
  return error->what();
}

TEST(MergeBase, WhatTheOlderStreamsSayIsKnownWithoutIt) {
  const auto places = pages({{1, 1}, {4, 2}});
  const auto references = pages({{0, 1}, {9, 1}});
  const Bytes base = base_of(places, references);
  const Bytes older = whole_wire(begin_of(1, 2), {part_of(base, pages({{0, 2}, {4, 2}, {9, 1}}))});
  const Bytes newer = whole_wire(begin_of(2, 3), {patch_frame(places, references)});
  std::mt19937_64 dice;
  const Bytes one_by_one = applied(newer, applied(older, Bytes(kSize, std::byte{7}), dice), dice);
  EXPECT_EQ(one_by_one, applied(merged({older, newer}), Bytes(kSize, std::byte{7}), dice));
}

TEST(MergeBase, WhatNoStreamSaysIsRefusedWithoutItAndTheOptionNamed) {
  const auto places = pages({{4, 2}});
  const auto reference = pages({{9, 1}});
  const Bytes base = base_of(places, reference);
  const Bytes newer = whole_wire(begin_of(2, 3), {patch_frame(places, reference)});
  for (const auto& known : {pages({{9, 1}}), pages({{4, 1}, {9, 1}}), pages({{4, 2}})}) {
    const Bytes older = whole_wire(begin_of(1, 2), {part_of(base, known)});
    const std::string text = refusal_of_second(ErrorKind::unsupported, {older, newer});
    EXPECT_NE(std::string::npos, text.find("--base")) << text;
    EXPECT_NE(std::string::npos, text.find("--patch never")) << text;
    EXPECT_NO_THROW(merged({older, newer}, base));
  }
}

TEST(MergeBase, AReferenceBeforeThePatchIsWhatItsOwnStreamSaid) {
  const auto places = pages({{4, 2}});
  const auto reference = pages({{1, 1}});
  const Bytes base = base_of(places, reference);
  const Bytes older = whole_wire(begin_of(1, 2), {part_of(base, places)});
  Bytes newer =
      whole_wire(begin_of(2, 3), {part_of(base, reference), patch_frame(places, reference)});
  EXPECT_NO_THROW(merged({older, newer}));
  // What it was before does not count any more.
  EXPECT_NO_THROW(merged({older, newer}, Bytes(kSize)));
  newer = whole_wire(begin_of(2, 3), {ZeroFrame{reference}, patch_frame(places, reference)});
  EXPECT_NE("", refusal_of_second(ErrorKind::base, {older, newer}, base));
}

TEST(MergeBase, AnotherBaseIsRefusedOnlyWhereAPatchAsksForIt) {
  const auto places = pages({{4, 2}});
  const auto reference = pages({{9, 1}});
  const Bytes nothing = whole_wire(begin_of(1, 2), kNothing);
  const Bytes newer = whole_wire(begin_of(2, 3), {patch_frame(places, reference)});
  for (const uint64_t wrong : {4 * kPage, 6 * kPage - 1, 9 * kPage + 5}) {
    Bytes base = base_of(places, reference);
    EXPECT_NO_THROW(merged({nothing, newer}, base));
    base[wrong] ^= std::byte{1};
    const std::string text = refusal_of_second(ErrorKind::base, {nothing, newer}, base);
    EXPECT_NE(std::string::npos, text.find("the base")) << text;
  }
  Bytes base = base_of(places, reference);
  base[2 * kPage] ^= std::byte{1};
  EXPECT_NO_THROW(merged({nothing, newer}, base));
}

TEST(MergeBase, AFullStreamSaysItAll) {
  const auto places = pages({{0, 1}, {3, 2}});
  DataFrame base = part_of(base_of(places), places);
  const Bytes newer = whole_wire(begin_of(1, 2), {patch_frame(places)});
  EXPECT_NO_THROW(merged({whole_wire(begin_of(0, 1), {base}), newer}));
  base.content[5000] ^= std::byte{1};
  EXPECT_NE("", refusal_of_second(ErrorKind::base, {whole_wire(begin_of(0, 1), {base}), newer}));
  EXPECT_NE("", refusal_of_second(ErrorKind::base, {whole_wire(begin_of(0, 1), kNothing), newer}));
}

TEST(MergeBase, IsRefusedBesideAFullStreamOrWhenItIsShorterThanItMustBe) {
  const std::vector<Bytes> full = {whole_wire(begin_of(0, 1), kNothing),
                                   whole_wire(begin_of(1, 2), kNothing)};
  EXPECT_EQ(ErrorKind::usage, kind_thrown_by([&] { merged(full, Bytes(kSize)); }));
  const std::vector<Bytes> deltas = {full[1], whole_wire(begin_of(2, 3), kNothing)};
  EXPECT_EQ(ErrorKind::base, kind_thrown_by([&] { merged(deltas, Bytes(kSize - 512)); }));
  // A logical volume is as large as its extents are.
  EXPECT_NO_THROW(merged(deltas, Bytes(kSize)));
  EXPECT_NO_THROW(merged(deltas, Bytes(kSize + 1)));
}

/// Behind the end of its snapshot a device may hold anything.
TEST(MergeBase, EndsWhereTheStreamsSay) {
  const auto places = pages({{7, 2}});
  Bytes base = base_of(places);
  Bytes known = base;
  std::fill(known.begin() + 8 * kPage, known.end(), std::byte{0});
  PatchDraft draft = {places, data_frame(places, 3).content, part_of(known, places).content};
  const FrameBody patch = decoded(encode(std::move(draft), kZstd));
  const Bytes newer = whole_wire(begin_of(2, 3), {patch});
  // It was that short from the start, or it shrank in between.
  EXPECT_NO_THROW(merged({whole_wire(begin_of(1, 2, 8 * kPage), kNothing), newer}, base));
  EXPECT_NO_THROW(merged({whole_wire(begin_of(1, 4, kSize, 8 * kPage), kNothing),
                          whole_wire(begin_of(4, 2, 8 * kPage), kNothing), newer},
                         base));
  // What a stream said there is gone too.
  EXPECT_NO_THROW(merged({whole_wire(begin_of(1, 4), {part_of(base, pages({{7, 2}}))}),
                          whole_wire(begin_of(4, 5, kSize, 8 * kPage), kNothing),
                          whole_wire(begin_of(5, 2, 8 * kPage), kNothing), newer}));
  EXPECT_NE(
      "", refusal_of_second(ErrorKind::base, {whole_wire(begin_of(1, 2), kNothing), newer}, base));
}

/// Checksums and chain are right, but its own words are not: whoever made it did so on purpose.
TEST(MergeBase, APatchThatDoesNotGiveWhatItSaysIsRefusedByName) {
  const auto places = pages({{0, 1}});
  PatchFrame patch = patch_frame(places);
  patch.content.low ^= 1;
  EXPECT_NE("", refusal_of_second(ErrorKind::corrupt,
                                  {whole_wire(begin_of(0, 1), {part_of(base_of(places), places)}),
                                   whole_wire(begin_of(1, 2), {patch})}));
}

TEST(MergeBase, AnAreaOfZerosIsAsLongAsItLikes) {
  constexpr uint64_t kHuge = uint64_t{1} << 62;
  const auto places = pages({{1, 1}});
  const Bytes older = whole_wire(begin_of(0, 1, 0, kHuge),
                                 {ZeroFrame{{{0, kPage}}}, part_of(base_of(places), places),
                                  ZeroFrame{{{2 * kPage, kHuge - 2 * kPage}}}});
  const Bytes newer = whole_wire(begin_of(1, 2, kHuge, kHuge), {patch_frame(places)});
  const std::vector<Frame> frames = receive(merged({older, newer}));
  EXPECT_EQ(kPage, std::get<EndFrame>(frames.back().body).data_bytes);
  EXPECT_EQ(kHuge - kPage, std::get<EndFrame>(frames.back().body).zero_bytes);
}

}  // namespace
}  // namespace bsr
