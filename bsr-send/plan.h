// What will be shipped, known in full before the first byte goes out.
#pragma once

#include <cstdint>
#include <optional>

#include "formats/delta.h"
#include "formats/extent_codec.h"
#include "formats/frame.h"
#include "platform/spool.h"

namespace bsr {

/// The delta, drained from its source into a temporary file: the pool's metadata need not be held
/// while data is read, and memory does not grow with the number of changes. Adjacent extents of one
/// kind are merged, so that every engine gives the same plan.
class Plan {
 public:
  /// `chunk_size` goes into the hash: it decides how extents are cut on the way.
  Plan(DeltaSource& source, uint64_t chunk_size);

  [[nodiscard]] uint64_t data_bytes() const { return data_bytes_; }
  [[nodiscard]] uint64_t unmap_bytes() const { return unmap_bytes_; }
  [[nodiscard]] uint64_t extents() const { return extents_; }
  [[nodiscard]] const Digest& hash() const {
    return hash_;
  }  ///< SHA-256 over chunk size and extents in order

  /// Yields the plan from its start; the plan outlives it.
  class Reader final : public DeltaSource {
   public:
    explicit Reader(Plan& plan) : bytes_(plan.spool_.read()) {}
    std::optional<DeltaExtent> next() override;

   private:
    Spool::Reader bytes_;
    ExtentDecoder decoder_;
  };

 private:
  Spool spool_;
  uint64_t data_bytes_ = 0;
  uint64_t unmap_bytes_ = 0;
  uint64_t extents_ = 0;
  Digest hash_{};
};

}  // namespace bsr
