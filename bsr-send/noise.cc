#include "bsr-send/noise.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

namespace bsr {
namespace {

constexpr size_t kLeast = 64 << 10;
constexpr size_t kRepeated = 4096;  // what copies consist of: pages
// A sample in each stride, in turn at each of its places: records may begin with what is random.
constexpr size_t kStride = 512;
constexpr size_t kSample = 16;
constexpr size_t kShift = 13 * kSample;

// Of Pearson's chi-squared of all 256 values, 255 with a standard deviation of 23 if they are
// random. From what is above entropy coding gains a quarter of a per cent of 256 KiB; what is below
// was counted out, not thrown.
constexpr double kEvenest = 150;
constexpr double kUnevenest = 500;

/// Of the values of the sample, against all of them being as frequent as each other.
double chi_squared(ByteView content) {
  std::array<uint32_t, 256> counts{};
  double all = 0;
  size_t shift = 0;
  for (size_t at = 0; at + kStride <= content.size(); at += kStride) {
    for (const std::byte value : content.subspan(at + shift, kSample))
      ++counts.at(std::to_integer<size_t>(value));
    all += kSample;
    shift = (shift + kShift) % kStride;
  }
  double squares = 0;
  for (const double count : counts) squares += count * count;
  return squares * static_cast<double>(counts.size()) / all - all;
}

bool pages_repeat(ByteView content) {
  std::vector<uint64_t> beginnings;
  for (size_t at = 0; at + kRepeated <= content.size(); at += kRepeated)
    std::memcpy(&beginnings.emplace_back(), content.subspan(at).data(), sizeof(uint64_t));
  std::ranges::sort(beginnings);
  return std::ranges::adjacent_find(beginnings) != beginnings.end();
}

}  // namespace

bool looks_like_noise(ByteView content) {
  if (content.size() < kLeast) return false;
  const double chi = chi_squared(content);
  return chi >= kEvenest && chi <= kUnevenest && !pages_repeat(content);
}

}  // namespace bsr
