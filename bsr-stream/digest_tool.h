// What a file or device holds, as one content root and, when wanted, as a content map.
#pragma once

#include <optional>
#include <string>

namespace bsr {

struct DigestToolOptions {
  std::string path;
  std::optional<std::string> output;  ///< a new file for the content map
  unsigned threads = 0;
  bool json = false;
};

/// Reads all of it and writes a line to descriptor `output`. Returns 0; throws Error.
int run_digest_tool(const DigestToolOptions& options, int output);

}  // namespace bsr
