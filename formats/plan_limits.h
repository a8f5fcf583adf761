// What BEGIN announces as the most that comes.
#pragma once

#include <cstdint>

#include "formats/frame.h"

namespace bsr {

/// Sees the checked frames of one stream in order, and refuses what goes beyond the plan in BEGIN,
/// and a plan that no volume of that size can have. So whoever asked for room for the plan, before
/// anything was made, was told the most that can come. All of it is Error{corrupt}.
class PlanLimits {
 public:
  void check(const Frame& frame);

 private:
  void check_body(const FrameBody& body);
  void begin(const BeginFrame& begin);
  void content(uint64_t bytes);
  void unmap(uint64_t bytes);

  uint64_t content_left_ = 0;  // bytes that areas of the plan that are mapped still have
  uint64_t unmap_left_ = 0;
};

}  // namespace bsr
