// Frames of any format as lines, for people and for programs.
#pragma once

#include <string>

#include "formats/frame.h"

namespace bsr {

/// One line, without its newline: sequence, position, type, then what the frame says.
[[nodiscard]] std::string frame_text(const Frame& frame);

/// One JSON object on one line. Fields are only ever added.
[[nodiscard]] std::string frame_json(const Frame& frame);

/// What a resume token says, in the same two forms: the BEGIN of the stream that would continue,
/// and the totals of what came before.
[[nodiscard]] std::string token_text(const BeginFrame& begin);
[[nodiscard]] std::string token_json(const BeginFrame& begin);

}  // namespace bsr
