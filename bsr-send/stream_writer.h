// Bodies in order become a stream on a descriptor.
#pragma once

#include "bsr-send/pipeline.h"
#include "platform/fd_stream.h"
#include "platform/progress_meter.h"

namespace bsr {

/// Format 1: numbers the frames, keeps the digest chain, sets checkpoints.
class StreamWriter final : public BodyWriter {
 public:
  /// Writes BEGIN. `meter` hears of every frame.
  StreamWriter(FdOutput output, const BeginFrame& begin, ProgressMeter& meter);

  void write(EncodedBody body, uint64_t end_position) override;

  /// Writes END.
  Totals finish();

  [[nodiscard]] uint64_t wire_bytes() const { return wire_bytes_; }

 private:
  void put(const EncodedBody& body);

  FdOutput output_;
  ProgressMeter& meter_;
  TransferTotals totals_;
  uint64_t sequence_ = 0;
  uint64_t wire_bytes_ = 0;
  uint64_t done_ = 0;              // bytes of the plan's data, zero areas included
  uint64_t since_checkpoint_ = 0;  // decoded bytes
};

}  // namespace bsr
