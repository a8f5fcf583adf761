// A long list of places in a volume in which one can be looked up.
#pragma once

#include <optional>
#include <span>
#include <vector>

#include "formats/delta.h"
#include "platform/spool.h"

namespace bsr {

/// Ascending extents, in a temporary file when there are many: memory stays flat. A place is found
/// in as many steps as their number has digits.
class PlaceIndex {
 public:
  /// Behind all others; what continues the last one in its kind becomes one with it.
  void append(const DeltaExtent& part);

  /// The first one that ends behind `offset`.
  [[nodiscard]] std::optional<DeltaExtent> first_behind(uint64_t offset);

 private:
  [[nodiscard]] std::vector<DeltaExtent> read(uint64_t number, size_t count) const;
  [[nodiscard]] uint64_t block_with(uint64_t offset) const;

  std::optional<TemporaryFile> file_;  // once there are too many for memory
  uint64_t blocks_ = 0;                // in the file
  std::vector<DeltaExtent> last_;      // what follows behind them
  std::vector<DeltaExtent> block_;     // the one of the file where something was found last
};

}  // namespace bsr
