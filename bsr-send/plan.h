// What will be shipped, known in full before the first byte goes out.
#pragma once

#include <cstdint>
#include <optional>

#include "formats/delta.h"
#include "formats/plan_figures.h"
#include "platform/extent_spool.h"

namespace bsr {

/// The delta, drained from its source into a temporary file: the pool's metadata need not be held
/// while data is read, and memory does not grow with the number of changes. Adjacent extents of one
/// kind are merged, so that every engine gives the same plan.
class Plan {
 public:
  /// `chunk_size` goes into the hash: it decides how extents are cut on the way.
  Plan(DeltaSource& source, uint64_t chunk_size);

  [[nodiscard]] uint64_t data_bytes() const { return figures_.data_bytes; }
  [[nodiscard]] uint64_t unmap_bytes() const { return figures_.unmap_bytes; }
  [[nodiscard]] uint64_t extents() const { return figures_.extents; }
  [[nodiscard]] const Digest& hash() const { return figures_.hash; }

  /// Yields the plan from its start; the plan outlives it.
  class Reader final : public DeltaSource {
   public:
    explicit Reader(Plan& plan) : extents_(plan.extents_) {}
    std::optional<DeltaExtent> next() override { return extents_.next(); }

   private:
    ExtentSpool::Reader extents_;
  };

 private:
  ExtentSpool extents_;
  PlanFigures figures_;
};

}  // namespace bsr
