// One session: a snapshot, or what changed since another, goes out as a stream.
#pragma once

#include "bsr-send/options.h"

namespace bsr {

/// Writes the stream to descriptor `output`, or to the file that the options name. Returns 0;
/// throws Error.
int send(const SendOptions& options, int output);

}  // namespace bsr
