// What is said when a target does not hold what a stream says by content root.
#pragma once

#include "base/error.h"
#include "bsr-recv/target.h"

namespace bsr {

/// Says what to do.
[[nodiscard]] Error wrong_content(const BeginFrame& begin, const Digest& in_stream,
                                  const Digest& here);

/// Throws Error{base} unless `here`, the root of what the target holds, is the base of the resync.
void check_resync_base(const std::string& target, const BeginFrame& begin, const Digest& here);

/// For -v: one line.
[[nodiscard]] std::string content_text(const std::string& target, const ContentResult& content);

}  // namespace bsr
