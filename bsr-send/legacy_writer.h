// Ships a plan in the formats of thin-send-recv, for receivers that know no other.
#pragma once

#include "formats/delta.h"
#include "formats/frame.h"
#include "formats/legacy_stream.h"
#include "platform/fd_stream.h"
#include "platform/progress_meter.h"
#include "platform/volume.h"

namespace bsr {

/// Zero areas travel as data here: thin_recv leaves what it cannot discard, so only bytes are sure
/// to zero.
class LegacyWriter {
 public:
  LegacyWriter(FdOutput output, LegacyVersion version, ProgressMeter& meter)
      : output_(std::move(output)), encoder_(version), meter_(meter) {}

  /// The whole stream; what END would report of it.
  Totals ship(DeltaSource& plan, VolumeReader& volume);

  [[nodiscard]] uint64_t wire_bytes() const { return wire_bytes_; }

 private:
  void put(ByteView bytes);
  void put_data(Extent extent, VolumeReader& volume);

  FdOutput output_;
  LegacyEncoder encoder_;
  ProgressMeter& meter_;
  Totals totals_;
  uint64_t wire_bytes_ = 0;
};

}  // namespace bsr
