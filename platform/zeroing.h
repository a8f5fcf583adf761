// Makes areas of a volume read as zeros.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/extent.h"
#include "formats/delta.h"
#include "platform/block_io.h"
#include "platform/thin_device.h"
#include "platform/volume.h"

namespace bsr {

/// Gives space back that a volume does not need for zeros, where its kind knows how to.
class SpaceFreeing {
 public:
  virtual ~SpaceFreeing() = default;

  /// Of all or some of these bytes, which are not needed any more. What they read as afterwards is
  /// not known: the kernel says that it discarded chunks whose size is no power of two, and did
  /// nothing; what it did unmap may show what lies below.
  virtual void free(Extent extent) = 0;
};

/// Frees what can be freed, and then believes only what it reads: zeros are written over what is
/// not zero. (Zeros written into unused parts of a thin device would use them up.) Hears a stop
/// signal between pieces, however large an area is.
class Zeroing {
 public:
  /// `thin`: when the file is a dm-thin device. The file stays with the caller.
  Zeroing(const BlockFile& file, const std::optional<ThinFacts>& thin);

  /// `writes`: who writes the file; at most some MiB at a time go there. What was written before
  /// must not meet the extent. Throws Error{interrupted} after a stop signal, and what the device
  /// or `writes` throws.
  void zero(Extent extent, VolumeSink& writes) const;

  /// Gives back what can be freed of an area that nobody will read, and does no more.
  void free(Extent extent) const {
    if (freeing_) freeing_->free(extent);
  }

 private:
  const BlockFile& file_;
  std::unique_ptr<SpaceFreeing> freeing_;  // null: of this kind nothing can be freed
};

/// For a device below which there may be layers that nobody sees from above: what is written brings
/// up old content of other places there, also where zeros were read before. After everything was
/// written and flushed: all places of `touched` that are to be zero are read, and written where
/// they are not, until they are. Throws Error{verify} when that does not end.
void zero_what_came_up(const BlockFile& file,
                       const std::function<std::unique_ptr<DeltaSource>()>& touched,
                       VolumeSink& sink);

/// Reads so much of a volume as it takes to know whether it is all zeros, by the mebibyte. Throws
/// Error{interrupted} after a stop signal. Nothing may be under way to the same blocks.
[[nodiscard]] bool reads_as_zeros(const BlockFile& file, Extent extent);

}  // namespace bsr
