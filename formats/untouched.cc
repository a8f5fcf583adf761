#include "formats/untouched.h"

namespace bsr {

std::optional<Extent> first_untouched(DeltaSource& changed, DeltaSource& touched,
                                      uint64_t chunk_size) {
  std::optional<DeltaExtent> next = touched.next();
  // Chunks from here on are not known to be touched; those below are done with.
  uint64_t touched_end = 0;
  while (const std::optional<DeltaExtent> change = changed.next()) {
    const Extent place = change->extent;
    uint64_t cursor = place.offset;
    while (cursor < place.end()) {
      if (cursor < touched_end) {
        cursor = touched_end;
        continue;
      }
      while (next && next->extent.end() <= cursor) next = touched.next();
      if (!next || next->extent.offset / chunk_size * chunk_size > cursor)
        return Extent{cursor, place.end() - cursor};
      touched_end = (next->extent.end() + chunk_size - 1) / chunk_size * chunk_size;
    }
  }
  return std::nullopt;
}

}  // namespace bsr
