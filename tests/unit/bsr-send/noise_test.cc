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
    for (const size_t size : {kPiece, kPiece / 2 + 512, size_t{64 << 10}})
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
  EXPECT_FALSE(looks_like_noise(random_bytes((64 << 10) - 512)));
}

TEST(Noise, IsNoText) { EXPECT_FALSE(looks_like_noise(text(kPiece, 1))); }

/// An eighth of it, wherever that is.
TEST(Noise, IsNoTextAmongNoise) {
  for (size_t at = 0; at < kPiece; at += kPiece / 8) {
    Bytes bytes = random_bytes(kPiece);
    std::ranges::copy(text(kPiece / 8, 2), bytes.begin() + static_cast<ptrdiff_t>(at));
    EXPECT_FALSE(looks_like_noise(bytes)) << at;
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

/// Each value comes up too evenly.
TEST(Noise, IsNoCounter) {
  for (const size_t width : {1, 2, 3, 4}) {
    Bytes bytes(kPiece);
    for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<std::byte>(i / width);
    EXPECT_FALSE(looks_like_noise(bytes)) << width;
  }
}

TEST(Noise, DoesNotRepeatAPage) {
  Bytes bytes = random_bytes(kPiece);
  std::copy_n(bytes.begin() + 3 * 4096, 4096, bytes.begin() + 40 * 4096);
  EXPECT_FALSE(looks_like_noise(bytes));
}

/// Whose records begin with a random key, and go on with zeros.
TEST(Noise, IsNoTableOfKeys) {
  for (const size_t record : {32, 48, 64, 512, 576, 4096}) {
    Bytes bytes = random_bytes(kPiece);
    for (size_t i = 0; i < bytes.size(); ++i)
      if (i % record >= 16) bytes[i] = std::byte{0};
    EXPECT_FALSE(looks_like_noise(bytes)) << record;
  }
}

}  // namespace
}  // namespace bsr
