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
#include "platform/zeroing.h"

namespace bsr {

/// Writes a volume, where that is possible several places at a time.
class BlockSink final : public VolumeSink {
 public:
  /// `thin`: when the file is a dm-thin device. `carrier`: for tests, as of IoQueue.
  BlockSink(BlockFile file, std::optional<ThinFacts> thin,
            std::unique_ptr<IoCarrier> carrier = nullptr);

  void write(std::span<const Extent> extents, AlignedBytes content) override;
  void zero(Extent extent) override { zero(extent, *this); }
  void wait() override;
  void sync() override;

  /// The same; what must be written for it passes `writes`, which ends here.
  void zero(Extent extent, VolumeSink& writes) { zeroing_.zero(extent, writes); }

  /// Gives room back, as Zeroing does. Nothing may be under way to this area.
  void free(Extent extent) const { zeroing_.free(extent); }

  [[nodiscard]] const BlockFile& file() const { return file_; }

 private:
  struct Started {
    uint64_t offset = 0;
    ByteView bytes;
    std::shared_ptr<const AlignedBytes> content;  // that they are part of
  };
  void start(Started write);
  void finish_one();
  void prepare_chunks(Extent extent);
  void prepare_chunk(uint64_t number);

  BlockFile file_;
  std::optional<ThinFacts> thin_;
  Zeroing zeroing_;
  std::optional<uint64_t> prepared_;  // the last chunk that was
  std::vector<Started> started_;      // by tag; free ones have no content
  std::atomic<bool> failed_ = false;
  IoQueue queue_;  // after what its requests use
};

}  // namespace bsr
