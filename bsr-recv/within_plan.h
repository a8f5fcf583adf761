// A stream that keeps to the plan in its BEGIN.
#pragma once

#include <memory>

#include "platform/frame_source.h"

namespace bsr {

/// The same frames, as long as they keep to the plan (PlanLimits): what goes beyond it is refused
/// before anybody acts on it, and so is a plan that cannot be.
[[nodiscard]] std::unique_ptr<FrameSource> within_plan(std::unique_ptr<FrameSource> source);

}  // namespace bsr
