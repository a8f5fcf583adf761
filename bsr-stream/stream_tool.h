// Looks at a stream without a target: what is in it, and whether it is whole. Makes one out of two.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace bsr {

struct StreamToolOptions {
  enum class Command { dump, verify, merge, token };
  Command command = Command::verify;
  std::string file;                   ///< dump, verify: empty for standard input
  std::vector<std::string> files;     ///< merge: the oldest first
  std::optional<std::string> base;    ///< merge: what the first of them applies to
  std::optional<std::string> output;  ///< merge: a new file instead of the descriptor
  std::string token;
  bool json = false;
};

/// Reads whole streams and writes lines, or the merged stream, to descriptor `output`. dump and
/// verify take format 1 and the legacy formats. Returns 0 for a stream that is whole and right;
/// throws Error{truncated}, {corrupt}, {unsupported} for one that is not, others as decode_token()
/// and merge_streams() do.
int run_stream_tool(const StreamToolOptions& options, int input, int output);

}  // namespace bsr
