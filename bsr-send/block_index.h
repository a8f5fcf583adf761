// Finds blocks that have something in common, wherever in them that stands.
#pragma once

#include <atomic>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/bytes.h"
#include "base/extent.h"

namespace bsr {

constexpr uint64_t kPage = 4096;        // what is compared with the base, aligned in the volume
constexpr uint64_t kBlock = 2 * kPage;  // what is looked for as a whole; a page of a database

/// Remembers about each 512th window of 64 bytes, chosen by what it holds, and in which block of
/// the volume it was seen last. Eight mebibytes, however much is added: then what came later takes
/// the place of what came before. Any thread may add while one asks.
class BlockIndex {
 public:
  /// What stands for some windows. Ascending, each once.
  using Fingerprints = std::vector<uint64_t>;

  /// Of all that is in `bytes`; windows do not reach over multiples of kPage in it.
  [[nodiscard]] static Fingerprints fingerprints(ByteView bytes);

  BlockIndex();

  /// `block`: a number below 2^40.
  void add(uint64_t block, ByteView bytes);

  /// All pages that lie as a whole in this part of the volume, which holds `bytes`. Not zeros:
  /// where a base reads as zeros they may have been discarded, and the receiver have something
  /// else.
  void add_pages(Extent part, ByteView bytes);

  /// The blocks in which most of these were seen, two at least, ascending; at most `most`. Some may
  /// hold something else by now.
  [[nodiscard]] std::vector<uint64_t> find(const Fingerprints& wanted, size_t most) const;

 private:
  [[nodiscard]] std::optional<uint64_t> block_of(uint64_t fingerprint) const;

  // The place is the fingerprint's upper bits; in it the block, and lower bits of the fingerprint.
  std::vector<std::atomic<uint64_t>> entries_;
};

}  // namespace bsr
