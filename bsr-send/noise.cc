#include "bsr-send/noise.h"

#include <array>

namespace bsr {
namespace {

constexpr size_t kLeast = 64 << 10;
constexpr size_t kSamples = 512;
constexpr size_t kSample = 16;  // bytes

// Of Pearson's chi-squared of all 256 values, 255 with a standard deviation of 23 if they are
// random. From what is above, entropy coding gains a quarter of a per cent. Measured on 4.5 GB of
// programs, libraries, archives and pictures in parts of 256 KiB: below are 95 % of the parts that
// zstd -3 shortens by less than 1 %, and what is below would get shorter by 0.2 % on the whole.
constexpr double kUnevenest = 500;

/// Of the values in the samples, one in each stretch of the content. Each is at another place of
/// its stretch, since records may begin with what is random.
double chi_squared(ByteView content) {
  const size_t stretch = content.size() / kSamples;
  std::array<uint32_t, 256> counts{};
  uint32_t dice = 0;
  for (size_t i = 0; i < kSamples; ++i) {
    dice = dice * 1664525 + 1013904223;  // as in Numerical Recipes
    const size_t at = i * stretch + (dice >> 16U) % (stretch - kSample + 1);
    for (const std::byte value : content.subspan(at, kSample))
      ++counts.at(std::to_integer<size_t>(value));
  }
  double squares = 0;
  for (const double count : counts) squares += count * count;
  constexpr double kAll = kSamples * kSample;
  return squares * counts.size() / kAll - kAll;
}

}  // namespace

bool looks_like_noise(ByteView content) {
  return content.size() >= kLeast && chi_squared(content) <= kUnevenest;
}

bool SampleTrust::trusts() {
  if (distrusted_ > 0) {
    --distrusted_;
    return false;
  }
  return asked_++ % kOneIn != 0;
}

}  // namespace bsr
