// A plan that a test writes down.
#pragma once

#include <deque>

#include "formats/delta.h"

namespace bsr {

class ListedPlan final : public DeltaSource {
 public:
  explicit ListedPlan(std::deque<DeltaExtent> extents) : extents_(std::move(extents)) {}
  std::optional<DeltaExtent> next() override {
    if (extents_.empty()) return std::nullopt;
    const DeltaExtent first = extents_.front();
    extents_.pop_front();
    return first;
  }

 private:
  std::deque<DeltaExtent> extents_;
};

}  // namespace bsr
