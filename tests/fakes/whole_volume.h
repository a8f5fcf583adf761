// A plan that names a whole volume as data.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>

#include "formats/delta.h"

namespace bsr {

/// One extent, of so many bytes.
class WholeVolume final : public DeltaSource {
 public:
  explicit WholeVolume(uint64_t size) : rest_(DeltaExtent{{0, size}, DeltaKind::data}) {}
  std::optional<DeltaExtent> next() override { return std::exchange(rest_, std::nullopt); }

 private:
  std::optional<DeltaExtent> rest_;
};

}  // namespace bsr
