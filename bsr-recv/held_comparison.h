// Whether a stream says what is here already.
#pragma once

#include <functional>

#include "formats/delta.h"
#include "formats/frame.h"
#include "formats/overlap.h"
#include "platform/volume.h"

namespace bsr {

/// Compares the frames of a stream with a volume that was made from the same snapshot before, and
/// writes nothing. Frames come checked (StreamGrammar).
class HeldComparison {
 public:
  /// `mapped`: outside of it the volume surely reads as zeros; both are read front to back and
  /// outlive the object. `tick` is called every now and then.
  HeldComparison(VolumeReader& volume, DeltaSource& mapped, const BeginFrame& begin,
                 std::function<void()> tick);

  /// Throws Error{diverged} where the volume holds something else than the frame says.
  void look_at(const FrameBody& body);

  /// After END: the rest too.
  void finish();

 private:
  [[nodiscard]] AlignedBytes read(const std::vector<Extent>& extents);
  void expect(bool same, Extent where) const;
  void expect_content(stream::FrameType type, const std::vector<Extent>& extents,
                      const ContentHash& content);
  void expect_zero(Extent extent);
  void expect_zero_before(uint64_t offset);
  void pass(const std::vector<Extent>& extents);

  VolumeReader& volume_;
  Overlap mapped_;
  BeginFrame begin_;
  std::function<void()> tick_;
  uint64_t cursor_;  // bytes in the volume: everything below was looked at
};

}  // namespace bsr
