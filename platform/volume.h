// The two ends of a transfer: where a volume's bytes come from and where they go.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/aligned_bytes.h"
#include "base/bytes.h"
#include "base/extent.h"

namespace bsr {

/// Reads an immutable volume. One reader serves one thread.
class VolumeReader {
 public:
  virtual ~VolumeReader() = default;

  /// Fills `into` with the bytes at `offset`; unmapped areas read as zeros. Fastest when offset,
  /// length and memory are aligned to 4096. Throws Error when not all of it can be read.
  virtual void read(uint64_t offset, std::span<std::byte> into) = 0;

  /// The same in two steps, so that several reads are under way at a time: finish() returns when
  /// the oldest read that was started and not finished is done. When it throws, the others are
  /// abandoned: nothing is under way any more, and none of them is to be finished. `into` must stay
  /// until its read is finished or abandoned.
  virtual void start(uint64_t offset, std::span<std::byte> into) { read(offset, into); }
  virtual void finish() {}
  virtual void abandon() {}
};

struct ReadRequest {
  uint64_t offset = 0;
  std::span<std::byte> into;
};

/// Several reads at a time, of a reader that has none under way.
inline void read_all(VolumeReader& volume, std::span<const ReadRequest> requests) {
  try {
    for (const ReadRequest& request : requests) volume.start(request.offset, request.into);
  } catch (...) {
    volume.abandon();
    throw;
  }
  for (size_t i = 0; i < requests.size(); ++i) volume.finish();
}

/// The bytes of extents, one after the other, of a reader that has no read under way.
inline void read_extents(VolumeReader& volume, std::span<const Extent> extents,
                         std::span<std::byte> into) {
  std::vector<ReadRequest> reads;
  for (const Extent& extent : extents) {
    reads.push_back({extent.offset, into.first(extent.length)});
    into = into.subspan(extent.length);
  }
  read_all(volume, reads);
}

/// Takes what a stream says. A failure may show later than where it happened; then every later
/// flush() fails too.
class VolumeSink {
 public:
  virtual ~VolumeSink() = default;

  /// The content of these extents, which ascend, one after the other. Until flush() no two writes
  /// may meet. Throws Error{no_space} when there is no room, Error for any other failure.
  virtual void write(std::span<const Extent> extents, AlignedBytes content) = 0;

  /// Afterwards the whole extent reads as zeros; frees its space where the target can.
  virtual void zero(Extent extent) = 0;

  /// Returns when all that was written before is in its place, but perhaps not durable.
  virtual void wait() = 0;

  /// Returns when all that was in its place before is durable. Other threads may write meanwhile.
  virtual void sync() = 0;

  /// Returns when all that was written before is durable.
  void flush() {
    wait();
    sync();
  }
};

}  // namespace bsr
