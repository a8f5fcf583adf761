// What a target really holds, for a sender that shall send what differs from it.
#pragma once

#include "bsr-recv/options.h"

namespace bsr {

/// Reads all of a plain target, or of the newest generation of a managed one, and writes its
/// content map to descriptor `output`. Returns 0; throws Error{base} when there is nothing to read,
/// others for reading it.
int write_digests(const ReceiveOptions& options, int output);

}  // namespace bsr
