// What streams that are merged make of a volume: what the patches in them are packed against.
#pragma once

#include "bsr-stream/place_index.h"
#include "formats/change.h"
#include "platform/block_io.h"
#include "platform/volume.h"

namespace bsr {

/// Streams are applied to it one after the other. What they say stands in a temporary file, at its
/// place; everything else is as in the base of the first one, which is only read. Memory stays
/// flat.
class MergedVolume final : public VolumeReader {
 public:
  /// `base`: of the first stream, where that is at hand; outlives this.
  explicit MergedVolume(BlockFile* base) : base_(base) {}

  /// Applies the next stream, which follows the one before (merged_begin()). What `changes` needs
  /// of a patch it asks of unpacked().
  void apply(const BeginFrame& begin, ChangeSource& changes);

  /// What a patch of the stream that is being applied gives. Throws Error{base} when it was made
  /// against something else, and as read() does.
  [[nodiscard]] AlignedBytes unpacked(const PatchFrame& patch);

  /// As the streams so far have made it, the one that is being applied included. Throws
  /// Error{unsupported} for what none of them said, and no base is at hand.
  void read(uint64_t offset, std::span<std::byte> into) override;

  /// Of several extents, one after the other.
  [[nodiscard]] AlignedBytes content(std::span<const Extent> extents);

 private:
  /// What one place holds, and up to where that is so.
  struct Holding {
    std::optional<DeltaKind> said;  // data: it is in said_data_; unmap: zeros; nothing: the base
    uint64_t end = UINT64_MAX;
  };
  void finish_stream(uint64_t volume_size);
  [[nodiscard]] Holding holding(uint64_t offset);
  void read_base(uint64_t offset, std::span<std::byte> into);

  BlockFile* base_;
  std::optional<uint64_t> base_end_;  // where the base was cut off, from the first BEGIN on
  TemporaryFile said_data_;
  PlaceIndex said_;    // by the streams before this one
  PlaceIndex saying_;  // by this one
};

}  // namespace bsr
