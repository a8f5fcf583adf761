// Cuts a plan into the change frames of a stream.
#pragma once

#include <optional>

#include "formats/delta.h"
#include "formats/piece.h"
#include "platform/volume.h"

namespace bsr {

constexpr uint64_t kZeroUnit =
    16 * 1024;  // zero runs are cut out in aligned units; shorter ones only cost a few bytes

/// Reads what the plan names, in order, and gathers neighbours of one kind into one frame.
class PieceReader {
 public:
  PieceReader(DeltaSource& plan, VolumeReader& volume) : plan_(plan), volume_(volume) {}

  /// The next frame's worth, or nullopt at the end.
  std::optional<Piece> next();

 private:
  struct Segment {
    ChangeKind kind = ChangeKind::data;
    Extent extent;
    size_t offset = 0;  // of its bytes in block_
  };
  bool fill();
  void split_block(Extent extent);
  void add(Piece& piece, const Segment& segment);

  DeltaSource& plan_;
  VolumeReader& volume_;
  Extent rest_;                    // of a data extent: not read yet
  AlignedBytes block_;             // the bytes that segments_ point into
  std::vector<Segment> segments_;  // in order, from next_
  size_t next_ = 0;
};

}  // namespace bsr
