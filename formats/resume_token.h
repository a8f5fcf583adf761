// Where a transfer stopped, as a text that a person or a script carries from the receiver to the
// sender.
#pragma once

#include <string>
#include <string_view>

#include "formats/frame.h"

namespace bsr {

struct ResumeToken {
  BeginFrame begin;  ///< of the stream that would continue; its resume position is not 0
  /// The receiver wrote over its base, perhaps also behind the resume point: what continues must
  /// not refer to it.
  bool base_is_gone = false;
};

/// "bsr1." CRC-32C in hexadecimal "." base64url of what it holds, compressed: identity, plan hash,
/// position and totals. Some 400 characters of [A-Za-z0-9_.-].
[[nodiscard]] std::string encode_token(const ResumeToken& token);

/// What a token stands for. Throws Error{usage} for a text that is damaged or no token,
/// Error{unsupported} for one of a later version.
[[nodiscard]] ResumeToken decode_token(std::string_view token);

/// The same, also of a transfer that has come nowhere yet: its position may be 0. For our own
/// records.
[[nodiscard]] ResumeToken decode_started(std::string_view token);

}  // namespace bsr
