// What no compressor shortens, found without compressing it: random, encrypted or compressed bytes.
#pragma once

#include <atomic>

#include "base/bytes.h"

namespace bsr {

/// Whether the values in a sample of the content are as frequent as if they were random. Looks at
/// 8 KiB. False for less than 64 KiB, which is too little to tell.
///
/// Sees how often bytes occur and not whether they repeat: encrypted records that come again look
/// like noise (SampleTrust).
[[nodiscard]] bool looks_like_noise(ByteView content);

/// How far samples can be trusted: one in eight is not, and after one that was wrong the next 64
/// are not either. So at most eight frames, and what other threads have in hand by then, are sent
/// longer than they had to be before that ends; where there is nothing but noise, an eighth of the
/// work remains. Serves many threads.
class SampleTrust {
 public:
  /// Whether what looks like noise is to be taken for it; asked once for each.
  [[nodiscard]] bool trusts();

  /// Where it was not trusted, the content became shorter after all.
  void was_wrong() { distrusted_ = kDistrusted; }

 private:
  static constexpr int kOneIn = 8;
  static constexpr int kDistrusted = 64;

  std::atomic<unsigned> asked_ = 0;
  std::atomic<int> distrusted_ = 0;
};

}  // namespace bsr
