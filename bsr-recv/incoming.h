// The stream that a session receives: what it is about, and its frames.
#pragma once

#include <memory>
#include <optional>
#include <utility>

#include "base/error.h"
#include "bsr-recv/options.h"
#include "bsr-recv/plain_target.h"
#include "bsr-recv/read_ahead.h"
#include "formats/frame.h"
#include "platform/fd_stream.h"
#include "platform/frame_source.h"

namespace bsr {

constexpr const char* kLegacyBase = "legacy";  // a stream of thin_send names no base

/// Runs what reads a stream while nothing is written. Messages about the stream say for whom it
/// was, and what is left of the target.
template <typename Step>
auto while_untouched(const ReceiveOptions& options, const Step& step,
                     const char* advice = "; send it again") try {
  return step();
} catch (const Error& error) {
  if (error.kind() == ErrorKind::truncated || error.kind() == ErrorKind::corrupt)
    fail(error.kind(), "{}: {}; nothing was changed{}", options.target, error.what(), advice);
  if (error.kind() == ErrorKind::unsupported)
    fail(error.kind(), "{}: {}; nothing was changed", options.target, error.what());
  throw;
}

/// What comes in: its BEGIN and the frames after it.
struct Incoming {
  BeginFrame begin;
  std::unique_ptr<ReadAhead> frames;
  Digest content_root{};        ///< of END, once it came; zero bytes: it has none
  bool announces_root = false;  ///< END will have one, as it said before all else
  std::optional<Frame> first{};

  [[nodiscard]] bool has_content_root() const { return content_root != Digest{}; }

  /// The first frame behind BEGIN is whole that says something about the volume.
  void await_first() {
    std::optional<Frame> frame = next();
    for (; frame && std::holds_alternative<ContentFrame>(frame->body); frame = next())
      announces_root = true;
    first = std::move(frame);
  }

  std::optional<Frame> next() {
    if (first) return std::exchange(first, std::nullopt);
    std::optional<Frame> frame = frames->next();
    if (const auto* end = frame ? std::get_if<EndFrame>(&frame->body) : nullptr)
      content_root = end->content_root;
    return frame;
  }
};

/// `plain`: the target, where it is none of ours, because a stream of thin_send says nothing of
/// what it applies to.
[[nodiscard]] Incoming open_incoming(const ReceiveOptions& options, FdInput& input,
                                     const StreamStart& start, const PlainTarget* plain);

}  // namespace bsr
