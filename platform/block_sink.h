// Writes a volume.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "platform/block_io.h"
#include "platform/io_queue.h"
#include "platform/thin_device.h"
#include "platform/volume.h"

namespace bsr {

/// Writes a volume, where that is possible several places at a time. zero() frees space where that
/// is known to zero: holes in files, whole chunks of a thin device. Everywhere else it reads, and
/// writes zeros over what is not zero yet: a discard promises nothing about what is read
/// afterwards, and zeros written into unused parts of a thin device would use them up.
class BlockSink final : public VolumeSink {
 public:
  /// `thin`: when the file is a dm-thin device.
  BlockSink(BlockFile file, std::optional<ThinFacts> thin);

  void write(std::span<const Extent> extents, AlignedBytes content) override;
  void zero(Extent extent) override;
  void wait() override;
  void sync() override;

  [[nodiscard]] BlockFile& file() { return file_; }
  [[nodiscard]] const BlockFile& file() const { return file_; }

 private:
  /// False when the file system or pool cannot.
  bool punch_hole(Extent extent);
  bool discard(Extent chunks);
  struct Started {
    uint64_t offset = 0;
    ByteView bytes;
    std::shared_ptr<const AlignedBytes> content;  // that they are part of
  };
  void start(Started write);
  void finish_one();
  void write_chunks(uint64_t offset, ByteView bytes);
  void write_within_chunk(uint64_t offset, ByteView bytes);
  void write_zeros_where_needed(Extent extent);

  BlockFile file_;
  std::optional<ThinFacts> thin_;
  std::vector<Started> started_;  // by tag; free ones have no content
  std::atomic<bool> failed_ = false;
  IoQueue queue_;  // after what its requests use
};

}  // namespace bsr
