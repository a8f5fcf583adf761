// Parts of a plan in order become a stream on a descriptor.
#pragma once

#include <functional>

#include "bsr-send/pipeline.h"
#include "formats/stream_encoder.h"
#include "platform/fd_stream.h"

namespace bsr {

class StreamWriter final : public CutWriter {
 public:
  /// `done`: bytes of the plan's data, zero areas included; `wire`: bytes of the stream.
  using OnProgress = std::function<void(uint64_t done, uint64_t wire)>;

  /// Writes BEGIN. `on_progress` hears of every part.
  StreamWriter(FdOutput output, const BeginFrame& begin, OnProgress on_progress);
  StreamWriter(const StreamWriter&) = delete;
  StreamWriter& operator=(const StreamWriter&) = delete;

  void write(CutPtr cut) override;

  /// A HOLDS frame; before everything else.
  void holds(const EncodedBody& body) { encoder_.holds(body); }

  /// See StreamEncoder.
  void content(uint64_t position) { encoder_.content(position); }

  /// Says how far the stream is, so that it can be continued here and is not taken for silent.
  void checkpoint() { encoder_.checkpoint(); }

  /// Writes END. `content_root`: of the snapshot; zero bytes when it is not known.
  Totals finish(const Digest& content_root = {});

  [[nodiscard]] uint64_t wire_bytes() const { return encoder_.wire_bytes(); }

 private:
  FdOutput output_;
  StreamEncoder encoder_;  // puts into output_
  OnProgress on_progress_;
  uint64_t done_ = 0;
};

}  // namespace bsr
