// Looks at a stream without a target: what is in it, and whether it is whole.
#pragma once

#include <cstdint>
#include <string>

namespace bsr {

struct StreamToolOptions {
  enum class Command { dump, verify };
  Command command = Command::verify;
  std::string file;  ///< empty: standard input
  bool json = false;
};

/// Reads the whole stream in format 1 or a legacy format and writes lines to descriptor `output`.
/// Returns 0 for a stream that is whole and right; throws Error{truncated}, {corrupt},
/// {unsupported} for one that is not.
int run_stream_tool(const StreamToolOptions& options, int input, int output);

}  // namespace bsr
