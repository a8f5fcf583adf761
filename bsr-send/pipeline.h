// Reads, encodes and writes at the same time, in order, in bounded memory.
#pragma once

#include <memory>

#include "bsr-send/effort.h"
#include "bsr-send/pieces.h"
#include "formats/frame_encoder.h"

namespace bsr {

/// The next part of a plan, ready for the stream.
struct EncodedCut {
  std::optional<EncodedBody> body;  ///< nothing: see Cut
  uint64_t end = 0;
  uint64_t plan_data = 0;

  /// Of the volume, if it is a change of this type.
  [[nodiscard]] uint64_t bytes_of(stream::FrameType type) const;
};

using CutPtr = std::shared_ptr<const EncodedCut>;

/// Takes parts in order; called from one thread.
class CutWriter {
 public:
  virtual ~CutWriter() = default;
  virtual void write(CutPtr cut) = 0;
};

/// Drains `pieces` into `out`: one thread reads, `workers` hash and compress, the calling thread
/// writes. About 2 x workers pieces are in memory. workers == 0 does everything in the calling
/// thread. `effort` hears what the time went to. The first failure, wherever it happens, is thrown
/// here after all threads have ended.
void ship(PieceReader& pieces, CutWriter& out, Effort& effort, unsigned workers);

}  // namespace bsr
