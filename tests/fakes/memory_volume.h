// A volume in memory, to be read and written like a device.
#pragma once

#include <algorithm>
#include <stdexcept>

#include "platform/volume.h"

namespace bsr {

/// Refuses what lies outside. Counts flushes, so that tests can say what was made durable.
class MemoryVolume final : public VolumeReader, public VolumeSink {
 public:
  explicit MemoryVolume(Bytes bytes) : content(std::move(bytes)) {}

  void read(uint64_t offset, std::span<std::byte> into) override {
    std::ranges::copy(part({offset, into.size()}), into.begin());
  }
  void write(std::span<const Extent> extents, AlignedBytes bytes) override {
    ByteView rest = bytes;
    for (const Extent& extent : extents) {
      std::ranges::copy(rest.first(extent.length), part(extent).begin());
      rest = rest.subspan(extent.length);
    }
  }
  void zero(Extent extent) override { std::ranges::fill(part(extent), std::byte{0}); }
  void wait() override {}
  void sync() override { ++flushes; }

  Bytes content;
  unsigned flushes = 0;

 private:
  std::span<std::byte> part(Extent extent) {
    if (extent.end() > content.size()) throw std::out_of_range("outside of the volume");
    return std::span(content).subspan(extent.offset, extent.length);
  }
};

}  // namespace bsr
