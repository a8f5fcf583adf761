// Carries out the change frames of a stream on a volume.
#pragma once

#include <cstdint>
#include <functional>

#include "formats/frame.h"
#include "platform/volume.h"

namespace bsr {

/// Frames come checked (StreamGrammar): in order and inside the volume. Where no base stands behind
/// the target, in a full stream everywhere and in a delta behind the base's end, what the stream
/// passes over becomes zero.
class Applier {
 public:
  using Base = std::function<VolumeReader&()>;

  /// `starts_empty`: the target is new and reads as zeros, so nothing needs zeroing. `base`, asked
  /// when the first patch comes: what holds the base where this stream did not write yet.
  Applier(VolumeSink& sink, const BeginFrame& begin, bool starts_empty, Base base)
      : sink_(sink),
        begin_(begin),
        starts_empty_(starts_empty),
        base_(std::move(base)),
        cursor_(begin.resume.position) {}

  /// Does nothing for frames that change nothing. Throws Error{verify} for a patch of something
  /// else than the base holds.
  void apply(FrameBody&& body);

  /// After END: zeroes what is left to zero, and flushes. From here on the target equals the
  /// source.
  void finish();

 private:
  void zero_gap_before(uint64_t offset);
  void zero(Extent extent);
  void pass(uint64_t offset);
  void write(const std::vector<Extent>& extents, AlignedBytes content);
  [[nodiscard]] AlignedBytes patched(const PatchFrame& patch) const;

  VolumeSink& sink_;
  const BeginFrame& begin_;
  bool starts_empty_;
  Base base_;
  uint64_t cursor_;  // bytes in the volume: everything below is as the source has it
};

}  // namespace bsr
