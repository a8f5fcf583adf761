// A change frame while it is gathered, before it is hashed and compressed.
#pragma once

#include <variant>

#include "formats/frame.h"
#include "formats/frame_encoder.h"

namespace bsr {

enum class ChangeKind {
  data,
  zero,   ///< mapped in the snapshot, holds zeros
  unmap,  ///< not mapped there any more
};

/// One change frame's worth.
using Piece = std::variant<DataFrame, ZeroFrame, UnmapFrame>;

constexpr uint64_t kPieceContent =
    256 * 1024;  // bytes of a DATA frame: small enough to interleave, large enough to compress

[[nodiscard]] Piece empty_piece(ChangeKind kind);

/// Whether a change of this kind and length can go into the piece. Into an empty one of its kind
/// goes any that is at most kPieceContent long or without content.
[[nodiscard]] bool fits(const Piece& piece, ChangeKind kind, uint64_t length);

/// Adds an extent behind all others; what is adjacent becomes one.
void add_extent(Piece& piece, Extent extent);

/// Where the last extent of a piece ends, which is not empty.
[[nodiscard]] uint64_t end_of(const Piece& piece);

[[nodiscard]] EncodedBody encode(Piece&& piece, Compression compression);

}  // namespace bsr
