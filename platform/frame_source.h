// The stream as it comes in, whatever its format: checked change frames, one after the other.
#pragma once

#include <memory>
#include <optional>
#include <stop_token>

#include "formats/frame.h"
#include "platform/fd_stream.h"

namespace bsr {

/// Yields frames that passed every check that can be made before the end, END among them. After
/// nullopt the whole stream was right. Throws Error{truncated}, {corrupt} or {unsupported} for the
/// stream, others for reading it.
class FrameSource {
 public:
  virtual ~FrameSource() = default;

  virtual std::optional<Frame> next() = 0;

  /// Bytes of the stream taken in so far.
  [[nodiscard]] virtual uint64_t wire_bytes() const = 0;

  /// How far the frames so far have come: what END reports, and where a stream could continue.
  [[nodiscard]] virtual ResumePoint progress() const = 0;
};

/// Reads until it is known what is coming. Kept bytes are handed to the source that understands
/// them.
class StreamStart {
 public:
  explicit StreamStart(FdInput& input);

  [[nodiscard]] bool is_legacy() const { return legacy_; }
  [[nodiscard]] ByteView bytes() const { return bytes_; }

 private:
  Bytes bytes_;
  bool legacy_ = false;
};

/// Format 1; the first frame it yields is BEGIN.
std::unique_ptr<FrameSource> open_format1(FdInput& input, const StreamStart& start,
                                          std::stop_token stop);

/// Formats 1.0 and 1.1 of thin-send-recv, as DATA and UNMAP frames only: they name neither volume
/// nor base nor size. `volume_size`: bytes; chunks behind it are refused.
std::unique_ptr<FrameSource> open_legacy(FdInput& input, const StreamStart& start,
                                         uint64_t volume_size, std::stop_token stop);

}  // namespace bsr
