// Patches: what they save, what they refuse, and what a decoder refuses of them.
#include "formats/patch.h"

#include <gtest/gtest.h>

#include <random>

#include "formats/extent_codec.h"
#include "tests/unit/formats/stream_builder.h"

namespace bsr {
namespace {

/// Random bytes, and the same with a byte changed every here and there.
PatchDraft random_draft(std::vector<Extent> extents, unsigned seed = 1) {
  PatchDraft draft{std::move(extents), {}, {}};
  std::mt19937_64 dice(seed);
  for (const Extent& extent : draft.extents)
    for (uint64_t i = 0; i < extent.length; ++i)
      draft.base.push_back(static_cast<std::byte>(dice()));
  draft.content = draft.base;
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

TEST(Patch, ThatGivesOtherContentIsCorrupt) {
  const PatchDraft draft = random_draft({{0, 4096}});
  PatchFrame patch = packed(draft);
  patch.content.high ^= 1;
  EXPECT_EQ(ErrorKind::corrupt, kind_thrown_by([&] { (void)apply_patch(patch, draft.base); }));
}

/// Payload of a PATCH frame that no encoder would write.
Bytes raw_patch(uint32_t count, uint32_t length, ByteView list, ByteView zstd) {
  Bytes bytes;
  append_le(bytes, count);
  append_le(bytes, length);
  bytes.resize(40);
  append_le(bytes, static_cast<uint32_t>(list.size()));
  append(bytes, list);
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

TEST(Patch, GrammarRefusesOneWithoutABase) {
  const PatchFrame patch = patch_frame({{4096, 1024}});
  EXPECT_EQ(std::nullopt, refusal(whole_wire(delta_begin(), {patch})));
  EXPECT_EQ(std::nullopt, refusal(whole_wire(delta_begin(1 << 20, 5120), {patch})));
  EXPECT_EQ(ErrorKind::corrupt, refusal(whole_wire(delta_begin(1 << 20, 4608), {patch})));
  EXPECT_EQ(ErrorKind::corrupt, refusal(whole_wire(full_begin(), {patch})));
}

}  // namespace
}  // namespace bsr
