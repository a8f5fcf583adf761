// What was written to a volume, in a compact form: about 25 bytes for each frame.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "base/bytes.h"
#include "base/extent.h"
#include "formats/frame.h"

namespace bsr {

/// Extents that hold what one frame said, or zeros.
struct WrittenEntry {
  std::vector<Extent> extents;      ///< ascending
  std::optional<ContentHash> hash;  ///< of their content, one after the other; none: zeros

  friend bool operator==(const WrittenEntry&, const WrittenEntry&) = default;
};

/// Numbers as LEB128: twice the number of extents, plus 1 for zeros; then the first extent's offset
/// and for each other the gap before it, and each one's length. Then the hash. An entry needs none
/// before it, so reading may begin at any. Throws Error{corrupt} unless extents ascend.
void append_entry(const WrittenEntry& entry, Bytes& out);

/// Reads an entry from the front of `bytes` and takes it away from there. Nullopt: more bytes are
/// needed than there are. Throws Error{corrupt} for what append_entry() does not write.
[[nodiscard]] std::optional<WrittenEntry> take_entry(ByteView& bytes);

/// No entry is longer.
constexpr size_t kMaxEntrySize = 16 + 20 * size_t{stream::kMaxExtents} + 16;

}  // namespace bsr
