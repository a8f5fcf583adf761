// Cuts a plan into the change frames of a stream.
#pragma once

#include <deque>
#include <functional>
#include <optional>
#include <utility>
#include <variant>

#include "bsr-send/references.h"
#include "formats/delta.h"
#include "formats/patch.h"
#include "formats/piece.h"
#include "platform/volume.h"

namespace bsr {

constexpr uint64_t kZeroUnit =
    16 * 1024;  // zero runs are cut out in aligned units; shorter ones only cost a few bytes

/// The next part of a plan.
struct Cut {
  /// Nothing: all that was planned is as in the base.
  std::variant<std::monostate, Piece, PatchDraft> body;
  uint64_t end = 0;        ///< bytes in the volume: all below was said
  uint64_t plan_data = 0;  ///< bytes in the plan's data extents since the last cut
};

/// An older state of the volume that the receiver has.
struct PieceBase {
  VolumeReader* volume = nullptr;
  uint64_t size = 0;                 ///< bytes
  std::function<bool()> wanted{};    ///< asked for every part; none: all of it is
  References* references = nullptr;  ///< that patches may have
};

/// Reads what the plan names, in order, and gathers neighbours of one kind into one frame. With a
/// base, pages that are as they were are left out, and the others become patches where the base has
/// something that they can be packed against. Zeros are never left out, and nothing is packed
/// against a chunk of them: the base may read as zeros because somebody discarded what it held.
class PieceReader {
 public:
  /// Hears of every part of the plan, in order, when it was read; `bytes`: none of an unmapped one.
  using OnRead = std::function<void(const Extent& part, ByteView bytes)>;

  PieceReader(DeltaSource& plan, VolumeReader& volume, PieceBase base = {}, OnRead on_read = {})
      : plan_(plan), volume_(volume), base_(std::move(base)), on_read_(std::move(on_read)) {}
  PieceReader(const PieceReader&) = delete;
  PieceReader& operator=(const PieceReader&) = delete;
  ~PieceReader();

  /// The next frame's worth, or nullopt at the end.
  std::optional<Cut> next();

 private:
  struct Segment {
    ChangeKind kind = ChangeKind::data;
    bool patch = false;  // of data
    Extent extent;
    size_t offset = 0;  // of its bytes in block_

    [[nodiscard]] bool continues(const Segment& other) const {
      return kind == other.kind && patch == other.patch && extent.offset == other.extent.end();
    }
  };
  /// A part of the plan that is being read.
  struct Block {
    DeltaExtent part;
    AlignedBytes bytes;  // of data
    AlignedBytes base;   // the base there, as far as it reaches in whole pages
  };
  void read_ahead();
  void start_block();
  bool fill();
  bool at_hand();
  void split_block(Extent extent);
  void split_pages(Extent extent, size_t offset);
  void look_at_base(uint64_t offset);
  void add_segment(const Segment& segment);
  void add(Piece& piece, const Segment& segment);
  void add(PatchDraft& patch, const Segment& segment) const;
  Piece gather_piece();
  PatchDraft gather_patch();

  DeltaSource& plan_;
  VolumeReader& volume_;
  PieceBase base_;
  OnRead on_read_;
  Extent rest_;              // of a data extent: not read yet
  std::deque<Block> ahead_;  // in order
  bool planned_all_ = false;
  AlignedBytes block_;             // the bytes that segments_ point into
  AlignedBytes base_block_;        // the base there
  std::vector<bool> base_helps_;   // with each of its chunks
  std::vector<Segment> segments_;  // in order, from next_
  size_t next_ = 0;
  uint64_t read_end_ = 0;   // of what was read or planned as unmapped
  uint64_t plan_data_ = 0;  // read since the last cut
};

}  // namespace bsr
