// Patches: what they save, what they refuse, and what a decoder refuses of them.
#include "formats/patch.h"

#include <gtest/gtest.h>

#include <random>

#include "formats/extent_codec.h"
#include "tests/unit/formats/stream_builder.h"

namespace bsr {
namespace {

/// Random bytes, and the same with a byte changed every here and there; behind those of references.
PatchDraft random_draft(std::vector<Extent> extents, unsigned seed = 1,
                        std::vector<Extent> references = {}) {
  PatchDraft draft{std::move(extents), {}, {}, std::move(references)};
  std::mt19937_64 dice(seed);
  const uint64_t before = total_length(draft.references);
  draft.base.resize(before + total_length(draft.extents));
  for (std::byte& byte : draft.base) byte = static_cast<std::byte>(dice());
  draft.content.assign(draft.base.begin() + static_cast<std::ptrdiff_t>(before), draft.base.end());
  for (size_t i = dice() % 500; i < draft.content.size(); i += 1 + dice() % 3000)
    draft.content[i] ^= std::byte{0x80};
  return draft;
}

PatchFrame packed(PatchDraft draft) {
  FrameDecoder decoder;
  const EncodedBody body = encode(std::move(draft), kZstd);
  EXPECT_EQ(stream::FrameType::patch, body.type);
  decoder.feed(encode_header(body, 0));
  decoder.feed(body.table);
  decoder.feed(body.content);
  return std::get<PatchFrame>(decoder.next().value().body);
}

TEST(Patch, GivesTheContentBackFromTheBase) {
  for (const uint64_t length : {512U, 4096U, 65536U, 262144U, 1048576U}) {
    const PatchDraft draft = random_draft({{1024, length / 2 / 512 * 512 + 512}, {4 << 20, 512}});
    const PatchFrame patch = packed(draft);
    EXPECT_TRUE(applies_to(patch, draft.base));
    EXPECT_EQ(draft.content, apply_patch(patch, draft.base));
    EXPECT_LT(patch.packed.size(), draft.content.size() / 10 + 200);
  }
}

TEST(Patch, UsesAllOfALargeBase) {
  PatchDraft draft = random_draft({{0, 256 << 10}});
  std::ranges::rotate(draft.content, draft.content.begin() + (200 << 10));  // found far away
  EXPECT_LT(packed(draft).packed.size(), 16U << 10);
}

/// So many extents of so many bytes, each behind a gap of the same size.
std::vector<Extent> scattered(uint64_t first, uint64_t count, uint64_t length) {
  std::vector<Extent> extents;
  for (uint64_t i = 0; i < count; ++i) extents.push_back({first + i * 2 * length, length});
  return extents;
}

TEST(Patch, UsesAllOfManyReferences) {
  PatchDraft draft = random_draft({{0, 256 << 10}}, 1, scattered(1 << 20, 48, 8192));
  std::copy_n(draft.base.begin() + 12345, draft.content.size(), draft.content.begin());
  const PatchDraft expected = draft;
  const PatchFrame patch = packed(std::move(draft));
  EXPECT_LT(patch.packed.size(), 2000U);
  EXPECT_EQ(expected.references, patch.references);
  EXPECT_TRUE(applies_to(patch, expected.base));
  EXPECT_EQ(expected.content, apply_patch(patch, expected.base));
}

TEST(Patch, UsesWhatStandsBehindTheReferencesToo) {
  const PatchDraft draft = random_draft({{0, 256 << 10}}, 1, scattered(1 << 20, 48, 8192));
  const PatchFrame patch = packed(draft);
  EXPECT_LT(patch.packed.size(), draft.content.size() / 10);
  EXPECT_EQ(draft.content, apply_patch(patch, draft.base));
}

TEST(Patch, OfMostSectorsAgainstMostPagesComesBack) {
  // As far from each other as their numbers can say.
  const auto spread = [](uint64_t first, uint64_t count, uint64_t length) {
    std::vector<Extent> places;
    for (uint64_t i = 0; i < count; ++i)
      places.push_back({first + i * (uint64_t{1} << 52U) * (2048 / count), length});
    return places;
  };
  const std::vector<Extent> sectors = spread(512, stream::kMaxContent / 512, 512);
  PatchDraft draft = random_draft(sectors, 1, spread(0, 128, stream::kMaxContent / 128));
  // Only what stands last in the base is found for certain: older places fall out of zstd's tables.
  const AlignedBytes same(draft.base.end() - 32768, draft.base.end());
  draft.content = random_draft(sectors, 2).content;
  std::ranges::copy(same, draft.content.begin());
  const PatchDraft expected = draft;
  const EncodedBody body = encode(std::move(draft), kZstd);
  EXPECT_GT(body.content.size(), expected.content.size() * 9 / 10);
  EXPECT_LE(body.table.size() + body.content.size(), stream::kMaxPayload);
  const auto patch = std::get<PatchFrame>(decoded(body));
  EXPECT_EQ(expected.extents, patch.extents);
  EXPECT_EQ(expected.references, patch.references);
  EXPECT_TRUE(applies_to(patch, expected.base));
  EXPECT_EQ(expected.content, apply_patch(patch, expected.base));
}

TEST(Patch, IsDataWhereTheBaseDoesNotHelp) {
  PatchDraft draft = random_draft({{0, 4096}});
  draft.content = random_draft({{0, 4096}}, 2).content;
  const EncodedBody body = encode(std::move(draft), kZstd);
  EXPECT_EQ(stream::FrameType::data, body.type);
  EXPECT_EQ(4096U, body.content.size());
}

TEST(Patch, AppliesToNothingElse) {
  const PatchDraft draft = random_draft({{0, 1024}, {2048, 512}});
  const PatchFrame patch = packed(draft);
  for (size_t i = 0; i < draft.base.size(); ++i) {
    AlignedBytes other = draft.base;
    other[i] ^= std::byte{1};
    ASSERT_FALSE(applies_to(patch, other));
    std::optional<ErrorKind> kind = kind_thrown_by([&] { (void)apply_patch(patch, other); });
    ASSERT_EQ(ErrorKind::corrupt, kind.value_or(ErrorKind::corrupt));
  }
  PatchFrame elsewhere = patch;
  elsewhere.extents.front().offset = 512;
  EXPECT_FALSE(applies_to(elsewhere, draft.base));
}

TEST(Patch, AppliesToNoOtherReferences) {
  const PatchDraft draft = random_draft({{8192, 1024}}, 1, {{0, 4096}, {16384, 4096}});
  const PatchFrame patch = packed(draft);
  EXPECT_TRUE(applies_to(patch, draft.base));
  for (size_t i = 0; i < draft.base.size(); ++i) {
    AlignedBytes other = draft.base;
    other[i] ^= std::byte{1};
    ASSERT_FALSE(applies_to(patch, other)) << i;
  }
  PatchFrame elsewhere = patch;
  elsewhere.references.back().offset = 32768;
  EXPECT_FALSE(applies_to(elsewhere, draft.base));
  elsewhere = patch;
  elsewhere.extents.front().offset = 4096;
  EXPECT_FALSE(applies_to(elsewhere, draft.base));
  // The same places and bytes in the same order, but other ones of them are what changes.
  PatchFrame without = patch;
  without.extents.insert(without.extents.begin(), without.references.back());
  without.references.pop_back();
  EXPECT_EQ(ErrorKind::corrupt, kind_thrown_by([&] { (void)apply_patch(without, draft.base); }));
}

TEST(Patch, ThatGivesOtherContentIsCorrupt) {
  const PatchDraft draft = random_draft({{0, 4096}});
  PatchFrame patch = packed(draft);
  patch.content.high ^= 1;
  EXPECT_EQ(ErrorKind::corrupt, kind_thrown_by([&] { (void)apply_patch(patch, draft.base); }));
}

/// Payload of a PATCH frame that no encoder would write.
Bytes raw_patch(uint32_t count, uint32_t length, ByteView list, ByteView zstd,
                uint32_t references = 0, ByteView reference_list = {}) {
  Bytes bytes;
  append_le(bytes, count);
  append_le(bytes, length);
  bytes.resize(40);
  append_le(bytes, static_cast<uint32_t>(list.size()));
  append_le(bytes, references);
  append_le(bytes, static_cast<uint32_t>(reference_list.size()));
  append(bytes, list);
  append(bytes, reference_list);
  append(bytes, zstd);
  return bytes;
}

Bytes list_of(std::vector<unsigned> values) {
  Bytes bytes;
  for (const unsigned value : values) bytes.push_back(static_cast<std::byte>(value));
  return bytes;
}

TEST(Patch, DecoderRefusesWhatCannotBe) {
  const AlignedBytes zstd = packed(random_draft({{0, 1024}})).packed;
  const auto refusal_of = [&](uint32_t count, uint32_t length, std::vector<unsigned> list,
                              const AlignedBytes& wire) {
    return decoder_refusal(raw_frame(stream::FrameType::patch, 0,
                                     raw_patch(count, length, list_of(std::move(list)), wire)));
  };
  EXPECT_EQ(std::nullopt, refusal_of(1, 1024, {0, 2}, zstd));
  EXPECT_EQ(std::nullopt, refusal_of(2, 1024, {0, 1, 2, 1}, zstd));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(0, 0, {}, zstd));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(1, 512, {0, 2}, zstd));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(2, 1024, {0, 2}, zstd));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(1, 1024, {0, 1, 2, 1}, zstd));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(1, 1024, {0}, zstd));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(1, 1024, {0, 0x82}, zstd));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(1, 1024, {1, 2}, zstd));  // an unmap
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(1, 0, {0, 0}, zstd));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(4097, 1024, {0, 2}, zstd));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(1, (1 << 20) + 512, {0, 0x81, 0x10}, zstd));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(1, 1024, {0, 2}, {}));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(1, 1024, {0, 2}, aligned(list_of({1, 2, 3, 4, 5}))));
  // Behind all bytes that there can be, and around them.
  EXPECT_EQ(
      ErrorKind::corrupt,
      refusal_of(1, 1024, {0xfe, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2}, zstd));
  EXPECT_EQ(
      ErrorKind::corrupt,
      refusal_of(2, 1024, {2, 1, 0xfc, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x03, 1}, zstd));
  Bytes short_list = raw_patch(1, 1024, list_of({0, 2}), {});
  store_le<uint32_t>(short_list, 40, 3);
  EXPECT_EQ(ErrorKind::corrupt,
            decoder_refusal(raw_frame(stream::FrameType::patch, 0, short_list)));
}

TEST(Patch, DecoderRefusesReferencesThatCannotBe) {
  const AlignedBytes zstd = packed(random_draft({{0, 1024}})).packed;
  const auto refusal_of = [&](uint32_t count, ByteView list) {
    return decoder_refusal(raw_frame(stream::FrameType::patch, 0,
                                     raw_patch(1, 1024, list_of({0, 2}), zstd, count, list)));
  };
  const auto refusal_of_list = [&](uint32_t count, std::vector<unsigned> list) {
    return refusal_of(count, list_of(std::move(list)));
  };
  EXPECT_EQ(std::nullopt, refusal_of_list(0, {}));
  EXPECT_EQ(std::nullopt, refusal_of_list(1, {0, 8}));  // meets what is patched
  EXPECT_EQ(std::nullopt, refusal_of_list(2, {16, 8, 0, 8}));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of_list(1, {}));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of_list(0, {16, 8}));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of_list(2, {16, 8}));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of_list(1, {16, 8, 16, 8}));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of_list(1, {16}));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of_list(1, {16, 0x88}));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of_list(1, {17, 8}));  // an unmap
  EXPECT_EQ(ErrorKind::corrupt, refusal_of_list(1, {16, 0}));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of_list(UINT32_MAX, {16, 8}));
  // Pages only.
  EXPECT_EQ(ErrorKind::corrupt, refusal_of_list(1, {2, 8}));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of_list(1, {16, 7}));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of_list(1, {2, 7}));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of_list(2, {16, 8, 0, 1}));
  // One mebibyte together, and more.
  EXPECT_EQ(std::nullopt, refusal_of_list(1, {16, 0x80, 0x10}));
  EXPECT_EQ(std::nullopt, refusal_of_list(2, {16, 0xf8, 0x0f, 16, 8}));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of_list(1, {16, 0x88, 0x10}));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of_list(2, {16, 0x80, 0x10, 16, 8}));
  EXPECT_EQ(ErrorKind::corrupt,
            refusal_of_list(2, {16, 0xf8, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x0f, 16, 8}));
  Bytes many;
  for (uint32_t i = 0; i < 128; ++i) append(many, list_of({16, 8}));
  EXPECT_EQ(std::nullopt, refusal_of(128, many));
  append(many, list_of({16, 8}));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(129, many));
  // Behind all bytes that there can be, and around them.
  EXPECT_EQ(ErrorKind::corrupt,
            refusal_of_list(1, {0xf0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 8}));
  EXPECT_EQ(ErrorKind::corrupt,
            refusal_of_list(2, {16, 8, 0xe0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x03, 8}));
}

TEST(Patch, DecoderRefusesListsThatAreLongerThanThePayload) {
  for (const size_t place : {40U, 48U}) {  // of the lists' lengths
    Bytes bytes = raw_patch(1, 1024, list_of({0, 2}), {}, 1, list_of({4, 2}));
    for (const uint32_t length : {5U, UINT32_MAX}) {
      store_le<uint32_t>(bytes, place, length);
      EXPECT_EQ(ErrorKind::corrupt, decoder_refusal(raw_frame(stream::FrameType::patch, 0, bytes)));
    }
  }
  for (size_t size = 0; size < 52; ++size)
    EXPECT_EQ(ErrorKind::corrupt,
              decoder_refusal(raw_frame(stream::FrameType::patch, 0, Bytes(size))))
        << size;
}

TEST(Patch, GrammarRefusesReferencesToWhatBaseOrVolumeDoNotHave) {
  const auto refusal_of = [](uint64_t volume_size, uint64_t base_size) {
    return refusal(whole_wire(delta_begin(volume_size, base_size),
                              {patch_frame({{4096, 1024}}, {{0, 4096}, {65536, 4096}})}));
  };
  EXPECT_EQ(std::nullopt, refusal_of(69632, 69632));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(69632, 69120));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(69120, 69632));
  EXPECT_EQ(ErrorKind::corrupt, refusal_of(8192, 8192));
}

TEST(Patch, GrammarRefusesOneWithoutABase) {
  const PatchFrame patch = patch_frame({{4096, 1024}});
  EXPECT_EQ(std::nullopt, refusal(whole_wire(delta_begin(), {patch})));
  EXPECT_EQ(std::nullopt, refusal(whole_wire(delta_begin(1 << 20, 5120), {patch})));
  EXPECT_EQ(ErrorKind::corrupt, refusal(whole_wire(delta_begin(1 << 20, 4608), {patch})));
  EXPECT_EQ(ErrorKind::corrupt, refusal(whole_wire(full_begin(), {patch})));
}

}  // namespace
}  // namespace bsr
