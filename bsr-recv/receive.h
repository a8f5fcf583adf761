// One session: a stream comes in and becomes the new state of a target.
#pragma once

#include "bsr-recv/options.h"

namespace bsr {

/// Reads the stream from descriptor `input` and reports on descriptor `output` what was committed.
/// When it returns 0, that is durable. Throws Error for everything else.
int receive(const ReceiveOptions& options, int input, int output);

}  // namespace bsr
