// Frames of any format as lines, for people and for programs.
#pragma once

#include <string>

#include "formats/frame.h"

namespace bsr {

/// One line, without its newline: sequence, position, type, then what the frame says.
[[nodiscard]] std::string frame_text(const Frame& frame);

/// One JSON object on one line. Fields are only ever added.
[[nodiscard]] std::string frame_json(const Frame& frame);

}  // namespace bsr
