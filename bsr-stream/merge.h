// Streams that follow each other become one.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace bsr {

/// Writes to the new file `output_file`, else to descriptor `output`, the stream from the base of
/// the first file to the snapshot of the last. Reads all files twice, side by side and in full:
/// first for what BEGIN says. In between, up to the last one with patches, once more, one after the
/// other: what they lead to is kept in a temporary file. `base_path`: a file or device that holds
/// the base of the first stream, which is only read, and only where a patch asks for what no stream
/// says. Throws Error{base} for streams that do not follow each other or a base that is another,
/// Error{unsupported} for patches whose base is not known, and what reading throws, before anything
/// is written; when something fails later, the stream has no END, and there is no new file.
void merge_streams(const std::vector<std::string>& files,
                   const std::optional<std::string>& base_path,
                   const std::optional<std::string>& output_file, int output);

}  // namespace bsr
