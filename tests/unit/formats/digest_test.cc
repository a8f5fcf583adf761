// Digests against values computed elsewhere.
#include "formats/digest.h"

#include <gtest/gtest.h>

#include "tests/unit/formats/stream_builder.h"

namespace bsr {
namespace {

using stream::FrameType;

ByteView text(std::string_view text) { return std::as_bytes(std::span(text)); }

std::string sha256(std::initializer_list<std::string_view> pieces) {
  Sha256 sha;
  for (const std::string_view piece : pieces) sha.update(text(piece));
  return to_hex(sha.finish());
}

TEST(Sha256, GivesThePublishedValues) {  // FIPS 180-4, examples of NIST
  EXPECT_EQ("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", sha256({}));
  EXPECT_EQ("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", sha256({"abc"}));
}

TEST(Sha256, DoesNotDependOnThePieces) { EXPECT_EQ(sha256({"abc"}), sha256({"", "a", "", "bc"})); }

TEST(Hex, HasTwoSmallDigitsPerByte) {
  EXPECT_EQ("00ff1a", to_hex(std::array{std::byte{0}, std::byte{0xff}, std::byte{0x1a}}));
}

bool same(const ContentHash& a, const ContentHash& b) { return a.low == b.low && a.high == b.high; }

TEST(ContentHash, DependsOnKindExtentsAndContent) {
  const std::vector<Extent> extents = {{0, 512}, {1024, 512}};
  const DataFrame data = data_frame(extents);
  const ContentHash hash = content_hash(FrameType::data, extents, data.content);
  AlignedBytes other = data.content;
  other.back() ^= std::byte{1};

  EXPECT_TRUE(same(hash, content_hash(FrameType::data, extents, data.content)));
  EXPECT_FALSE(same(hash, content_hash(FrameType::zero, extents, data.content)));
  EXPECT_FALSE(same(hash, content_hash(FrameType::data, {{{0, 512}, {1536, 512}}}, data.content)));
  EXPECT_FALSE(same(hash, content_hash(FrameType::data, {{{0, 1024}}}, data.content)));
  EXPECT_FALSE(same(hash, content_hash(FrameType::data, extents, other)));
}

TEST(ContentHash, GivesTheValuesOfTheManualPage) {
  const ContentHash zero = content_hash(FrameType::zero, {{{0, 512}}}, {});
  const ContentHash data = content_hash(FrameType::data, {{{0, 512}}}, Bytes(512));

  EXPECT_TRUE(same({.low = 0xeedc77950c05cc2a, .high = 0xd9148c0403b5a883}, zero));
  EXPECT_TRUE(same({.low = 0xea22d4b2a28cae7d, .high = 0xb3cfda37941e08d6}, data));
}

TEST(ContentHash, TellsExtentsApartAlsoWithoutContent) {
  EXPECT_FALSE(same(content_hash(FrameType::zero, {{{0, 512}}}, {}),
                    content_hash(FrameType::zero, {{{512, 512}}}, {})));
}

TEST(DigestChain, StartsWithTheHashOfItsIdentity) {
  EXPECT_EQ(sha256({"abc"}), to_hex(DigestChain(text("abc")).value()));
}

TEST(DigestChain, EachLinkHashesTheOneBeforeAndTheFrame) {
  DigestChain chain(text("abc"));
  const Digest first = chain.value();
  chain.add({.low = 0x0102030405060708, .high = 0x1112131415161718});

  Bytes link(first.begin(), first.end());
  append_le(link, uint64_t{0x0102030405060708});
  append_le(link, uint64_t{0x1112131415161718});
  Sha256 sha;
  sha.update(link);
  EXPECT_EQ(to_hex(sha.finish()), to_hex(chain.value()));
}

TEST(DigestChain, DependsOnTheOrderOfFrames) {
  DigestChain one(text("abc"));
  one.add({1, 2});
  one.add({3, 4});
  DigestChain other(text("abc"));
  other.add({3, 4});
  other.add({1, 2});

  EXPECT_NE(one.value(), other.value());
}

}  // namespace
}  // namespace bsr
