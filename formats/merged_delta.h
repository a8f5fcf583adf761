// Adjacent extents of one kind made one, so that two descriptions of one delta compare equal.
#pragma once

#include "formats/delta.h"

namespace bsr {

/// Wraps a source for as long as that lives.
class MergedDelta final : public DeltaSource {
 public:
  explicit MergedDelta(DeltaSource& source) : source_(source), ahead_(source.next()) {}

  std::optional<DeltaExtent> next() override {
    std::optional<DeltaExtent> merged = ahead_;
    if (!merged) return std::nullopt;
    for (ahead_ = source_.next();
         ahead_ && ahead_->kind == merged->kind && ahead_->extent.offset == merged->extent.end();
         ahead_ = source_.next())
      merged->extent.length += ahead_->extent.length;
    return merged;
  }

 private:
  DeltaSource& source_;
  std::optional<DeltaExtent> ahead_;
};

}  // namespace bsr
