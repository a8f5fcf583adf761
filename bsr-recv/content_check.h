// What is said when a target does not hold what a stream says by content root.
#pragma once

#include "bsr-recv/target.h"

namespace bsr {

/// Throws Error{verify} that says what to do. `target`: as the user named it; `state`: of it now.
[[noreturn]] void fail_content(const std::string& target, const BeginFrame& begin,
                               const Digest& in_stream, const Digest& here,
                               const std::string& state);

/// Throws Error{base} unless `here`, the root of what the target holds, is the base of the resync.
void check_resync_base(const std::string& target, const BeginFrame& begin, const Digest& here);

/// For -v: one line.
[[nodiscard]] std::string content_text(const std::string& target, const ContentResult& content);

}  // namespace bsr
