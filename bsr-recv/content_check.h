// What is said when a target does not hold what END says that the whole snapshot holds.
#pragma once

#include "bsr-recv/target.h"

namespace bsr {

/// Throws Error{verify} that says what to do. `target`: as the user named it; `state`: of it now.
[[noreturn]] void fail_content(const std::string& target, const BeginFrame& begin,
                               const Digest& in_stream, const Digest& here,
                               const std::string& state);

/// For -v: one line.
[[nodiscard]] std::string content_text(const std::string& target, const ContentResult& content);

}  // namespace bsr
