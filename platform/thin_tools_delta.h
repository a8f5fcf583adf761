// What changed, as thin_delta and thin_dump say it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "formats/delta.h"
#include "formats/thin_xml.h"
#include "platform/delta_engine.h"
#include "platform/process.h"

namespace bsr {

/// Reads the program's output as it comes; its parameters and what it yields are those of
/// open_delta(). Throws Error{failed} with the program's own words, {corrupt} or {truncated} for
/// output that cannot be.
class ThinToolsDelta final : public DeltaSource {
 public:
  ThinToolsDelta(const MappingPlace& place, std::optional<uint64_t> base_thin_id,
                 uint64_t target_thin_id, uint64_t chunk_size, uint64_t base_size,
                 uint64_t target_size);

  std::optional<DeltaExtent> next() override;

 private:
  /// What one XML element says about a run of chunks.
  struct Run {
    Extent extent;                   ///< bytes
    std::optional<DeltaKind> below;  ///< what it means below the base's size
    std::optional<DeltaKind> above;  ///< and from there on
  };

  std::optional<Run> next_run();
  std::optional<ThinXmlItem> next_item();
  std::optional<Run> take(const ThinXmlItem& item);

  std::string activity_;  // for errors
  bool full_;
  uint64_t target_thin_id_;
  uint64_t chunk_size_;
  uint64_t base_size_;  // 0 when full_
  uint64_t target_size_;

  ChildOutput child_;
  ThinXmlParser parser_;
  bool seen_target_ = false;
  bool ended_ = false;
  std::optional<DeltaExtent> ahead_;  // the second half of what the base's end cut in two
};

}  // namespace bsr
