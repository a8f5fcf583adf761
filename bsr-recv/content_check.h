// What a target holds is what a stream says by content root, or what is said then.
#pragma once

#include "base/error.h"
#include "bsr-recv/target.h"
#include "platform/gathered_leaves.h"
#include "platform/read_back.h"

namespace bsr {

/// What is read back is gathered in `leaves`; null: nowhere. Zeros are not where they may not stay:
/// where something else may come up later.
[[nodiscard]] ReadBack::OnRead gathered_in(GatheredLeaves* leaves, bool zeros_stay);

/// Says what to do.
[[nodiscard]] Error wrong_content(const BeginFrame& begin, const Digest& in_stream,
                                  const Digest& here);

/// Throws Error{base} unless `here`, the root of what the target holds, is the base of the resync.
void check_resync_base(const std::string& target, const BeginFrame& begin, const Digest& here);

/// For -v: one line.
[[nodiscard]] std::string content_text(const std::string& target, const ContentResult& content);

}  // namespace bsr
