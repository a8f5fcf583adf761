// Where a transfer stopped, as a text that a person or a script carries from the receiver to the
// sender.
#pragma once

#include <string>
#include <string_view>

#include "formats/frame.h"

namespace bsr {

/// "bsr1." CRC-32C in hexadecimal "." base64url of the compressed BEGIN of the stream that would
/// continue: identity, plan hash, position and totals. Some 400 characters of [A-Za-z0-9_.-].
[[nodiscard]] std::string encode_token(const BeginFrame& begin);

/// The BEGIN that a token stands for; its resume position is not 0. Throws Error{usage} for a text
/// that is damaged or no token, Error{unsupported} for one of a later version.
[[nodiscard]] BeginFrame decode_token(std::string_view token);

}  // namespace bsr
