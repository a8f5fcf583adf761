// What the programs report to machines: one JSON object a line, fields only ever added.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.h"
#include "formats/frame.h"

namespace bsr {

/// Bytes and seconds of a session so far.
struct SessionFigures {
  uint64_t done = 0;   ///< bytes of the plan read (sender) or bytes applied (receiver)
  uint64_t total = 0;  ///< bytes of the plan's data
  uint64_t wire = 0;   ///< bytes of the stream
  double seconds = 0;
};

/// All lines end with a newline and carry "v":1 and "type".
[[nodiscard]] std::string json_status(const SessionFigures& figures);
/// `content_root`: zero bytes when END carries none. `committed`: of a receiver, whether the target
/// holds the snapshot now. `output`: of a sender with several.
[[nodiscard]] std::string json_summary(const BeginFrame& begin, const Totals& totals,
                                       const Digest& content_root, const SessionFigures& figures,
                                       std::optional<bool> committed = std::nullopt,
                                       const std::optional<std::string>& output = std::nullopt);
/// What would continue an interrupted transfer, and from which byte of the volume.
[[nodiscard]] std::string json_resume(std::string_view token, uint64_t position);
/// What a volume holds as a whole.
[[nodiscard]] std::string json_content(std::string_view name, uint64_t volume_size,
                                       const Digest& root, uint64_t bytes_read);
[[nodiscard]] std::string json_error(const Error& error);
[[nodiscard]] std::string json_exit(int code, std::string_view id);

}  // namespace bsr
