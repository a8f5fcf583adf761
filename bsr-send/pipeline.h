// Reads, encodes and writes at the same time, in order, in bounded memory.
#pragma once

#include "bsr-send/pieces.h"
#include "formats/frame_encoder.h"

namespace bsr {

/// Takes bodies in order; called from one thread.
class BodyWriter {
 public:
  virtual ~BodyWriter() = default;
  virtual void write(EncodedBody body, uint64_t end_position) = 0;
};

/// Drains `pieces` into `out`: one thread reads, `workers` hash and compress, the calling thread
/// writes. About 2 x workers pieces are in memory. workers == 0 does everything in the calling
/// thread. The first failure, wherever it happens, is thrown here after all threads have ended.
void ship(PieceReader& pieces, BodyWriter& out, Compression compression, unsigned workers);

}  // namespace bsr
