// What is taken for noise, and what a compressor would shorten although it looks even.
#include "bsr-send/noise.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <algorithm>
#include <string_view>

#include "tests/fakes/random_bytes.h"

namespace bsr {
namespace {

constexpr size_t kPiece = 256 << 10;
constexpr size_t kLeast = 64 << 10;

/// Words in the disorder that `seed` gives.
Bytes text(size_t size, unsigned seed) {
  constexpr std::string_view kWords[] = {"snapshot ", "volume ", "of ",    "the ",
                                         "pool, ",    "thin ",   "and ",   "mapping ",
                                         "metadata ", "which ",  "holds ", "7.\n"};
  Bytes bytes;
  for (const std::byte value : random_bytes(size, seed)) {
    const auto& word = kWords[std::to_integer<size_t>(value) % std::size(kWords)];
    append(bytes, std::as_bytes(std::span(word)));
    if (bytes.size() >= size) break;
  }
  bytes.resize(size);
  return bytes;
}

TEST(Noise, IsWhatIsRandom) {
  for (unsigned seed = 1; seed <= 50; ++seed)
    for (const size_t size : {kLeast, kLeast + 1, kPiece / 2 + 512, kPiece, 4 * kPiece + 100})
      EXPECT_TRUE(looks_like_noise(random_bytes(size, seed))) << size << " of seed " << seed;
}

TEST(Noise, IsWhatWasCompressed) {
  for (unsigned seed = 1; seed <= 3; ++seed) {
    const Bytes before = text(3 << 20, seed);
    Bytes packed(before.size());
    const size_t size =
        ZSTD_compress(packed.data(), packed.size(), before.data(), before.size(), 9);
    ASSERT_FALSE(ZSTD_isError(size));
    ASSERT_GE(size, kPiece);
    EXPECT_TRUE(looks_like_noise(ByteView(packed).first(kPiece))) << seed;
  }
}

TEST(Noise, IsNothingSmall) {
  EXPECT_FALSE(looks_like_noise({}));
  EXPECT_FALSE(looks_like_noise(random_bytes(kLeast - 1)));
}

TEST(Noise, IsNoText) {
  for (const size_t size : {kLeast, kPiece}) EXPECT_FALSE(looks_like_noise(text(size, 1))) << size;
}

/// An eighth of it, wherever that is.
TEST(Noise, IsNoTextAmongNoise) {
  for (const size_t size : {kLeast, kPiece})
    for (size_t at = 0; at < size; at += size / 8) {
      Bytes bytes = random_bytes(size);
      std::ranges::copy(text(size / 8, 2), bytes.begin() + static_cast<ptrdiff_t>(at));
      EXPECT_FALSE(looks_like_noise(bytes)) << at << " of " << size;
    }
}

/// What is 160 bytes short of a page.
TEST(Noise, DoesNotEndInZeros) {
  for (const size_t size : {kLeast, kPiece}) {
    Bytes bytes = random_bytes(size);
    for (size_t i = 0; i < size; ++i)
      if (i % 4096 >= 4096 - 160) bytes[i] = std::byte{0};
    EXPECT_FALSE(looks_like_noise(bytes)) << size;
  }
}

/// Base64 and the like, of which six or seven bits of each byte count.
TEST(Noise, IsNotWhatUsesFewValues) {
  for (const unsigned values : {64U, 128U, 240U}) {
    Bytes bytes = random_bytes(kPiece);
    for (std::byte& byte : bytes)
      byte = static_cast<std::byte>(std::to_integer<unsigned>(byte) % values);
    EXPECT_FALSE(looks_like_noise(bytes)) << values;
  }
}

/// Whose records begin with a random key, and go on with zeros.
TEST(Noise, IsNoTableOfKeys) {
  for (const size_t size : {kLeast, kPiece})
    for (const size_t record : {20, 32, 48, 64, 512, 576, 4096, 16384}) {
      Bytes bytes = random_bytes(size);
      for (size_t i = 0; i < size; ++i)
        if (i % record >= 16) bytes[i] = std::byte{0};
      EXPECT_FALSE(looks_like_noise(bytes)) << record << " in " << size;
    }
}

/// How many of so many samples are trusted.
unsigned trusted(SampleTrust& trust, unsigned samples) {
  unsigned count = 0;
  for (unsigned i = 0; i < samples; ++i) count += trust.trusts() ? 1 : 0;
  return count;
}

TEST(SampleTrust, IsNotGivenToTheFirstOfEight) {
  SampleTrust trust;
  for (unsigned i = 0; i < 10; ++i) {
    EXPECT_FALSE(trust.trusts());
    EXPECT_EQ(7U, trusted(trust, 7));
  }
}

TEST(SampleTrust, IsLostForAWhileByOneThatWasWrong) {
  SampleTrust trust;
  trusted(trust, 8);
  trust.was_wrong();
  EXPECT_EQ(0U, trusted(trust, 60));
  trust.was_wrong();
  EXPECT_EQ(0U, trusted(trust, 64));
  EXPECT_EQ(7U, trusted(trust, 8));
}

}  // namespace
}  // namespace bsr
