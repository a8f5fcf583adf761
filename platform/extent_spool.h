// A list of delta extents that is too long for memory.
#pragma once

#include "formats/extent_codec.h"
#include "platform/spool.h"

namespace bsr {

/// Written once from front to back, about five bytes for each extent, then read back any number of
/// times.
class ExtentSpool {
 public:
  ExtentSpool() = default;

  /// All of a source.
  explicit ExtentSpool(DeltaSource& source);

  /// Throws Error{corrupt} unless extents ascend, Error{interrupted} after a stop signal.
  void append(const DeltaExtent& extent);

  /// Yields them from the start; the spool outlives it.
  class Reader final : public DeltaSource {
   public:
    explicit Reader(ExtentSpool& extents) : bytes_(extents.spool_.read()) {}
    std::optional<DeltaExtent> next() override;

   private:
    Spool::Reader bytes_;
    ExtentDecoder decoder_;
  };

 private:
  Spool spool_;
  ExtentEncoder encoder_;
  Bytes bytes_;
  uint64_t extents_ = 0;
};

}  // namespace bsr
