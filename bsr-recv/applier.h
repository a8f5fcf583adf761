// Carries out the change frames of a stream on a volume.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>

#include "formats/frame.h"
#include "formats/overlap.h"
#include "platform/volume.h"

namespace bsr {

/// Frames come checked (StreamGrammar): in order and inside the volume. Where no base stands behind
/// the target, in a full stream everywhere and in a delta behind the base's end, what the stream
/// passes over becomes zero.
class Applier {
 public:
  /// What patches apply to; asked when the first one comes.
  struct Volumes {
    std::function<VolumeReader&()> base;     ///< where this stream did not write yet
    std::function<VolumeReader&()> written;  ///< where it did, once sink.wait() returned
  };

  /// `may_hold`: outside of it the target surely reads as zeros where no base stands behind it, so
  /// that nothing needs zeroing there. Null when that is not known.
  Applier(VolumeSink& sink, const BeginFrame& begin, std::unique_ptr<DeltaSource> may_hold,
          Volumes volumes)
      : sink_(sink),
        begin_(begin),
        may_hold_(std::move(may_hold)),
        volumes_(std::move(volumes)),
        cursor_(begin.resume.position) {
    if (may_hold_) held_.emplace(*may_hold_);
  }

  /// Does nothing for frames that change nothing. Throws Error{verify} for a patch of something
  /// else than the base holds, Error{diverged} where an earlier stream wrote something else than
  /// the snapshot holds now.
  void apply(FrameBody&& body);

  /// After END: zeroes what is left to zero, and flushes. From here on the target equals the
  /// source.
  void finish();

 private:
  void zero_without_base(Extent extent);
  void zero_gap_before(uint64_t offset);
  void zero(Extent extent);
  void pass(uint64_t offset);
  void write(const std::vector<Extent>& extents, AlignedBytes content);
  void check_held(const HoldsFrame& holds) const;
  [[nodiscard]] AlignedBytes base_of(const PatchFrame& patch) const;
  [[nodiscard]] AlignedBytes patched(const PatchFrame& patch) const;

  VolumeSink& sink_;
  const BeginFrame& begin_;
  std::unique_ptr<DeltaSource> may_hold_;
  std::optional<Overlap> held_;  // asks it
  Volumes volumes_;
  uint64_t cursor_;  // bytes in the volume: everything below is as the source has it
};

}  // namespace bsr
