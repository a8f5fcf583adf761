#include "formats/advance.h"

#include <algorithm>

#include "base/overload.h"

namespace bsr {

Advance AdvanceMeter::settled_up_to(uint64_t position, uint64_t& counted) const {
  if (position - counted < std::max<uint64_t>(volume_size_ / kAdvanceShares, 1))
    return Advance::sign_of_life;
  counted = position;
  return Advance::progress;
}

Advance AdvanceMeter::of(const FrameBody& body, uint64_t position) {
  const auto bytes_came = [&] {
    counted_ = position;
    return Advance::progress;
  };
  return std::visit(
      Overload{
          [&](const BeginFrame& begin) {
            volume_size_ = begin.volume_size;
            return bytes_came();
          },
          [&](const HoldsFrame& holds) { return settled_up_to(holds.extents.back().end(), held_); },
          [&](const DataFrame&) { return bytes_came(); },
          [&](const PatchFrame&) { return bytes_came(); },
          [&](const ZeroFrame&) { return settled_up_to(position, counted_); },
          [&](const UnmapFrame&) { return settled_up_to(position, counted_); },
          [&](const CheckpointFrame&) { return settled_up_to(position, counted_); },
          [&](const ContentFrame& content) { return settled_up_to(content.position, looked_at_); },
          [&](const EndFrame&) { return bytes_came(); },
          [](const UnknownFrame&) { return Advance::none; },
      },
      body);
}

}  // namespace bsr
