// Which frames get a transfer further, and which only say that somebody is there.
#pragma once

#include <cstdint>

#include "formats/frame.h"

namespace bsr {

enum class Advance {
  none,          ///< nothing that a reader would have to wait for
  sign_of_life,  ///< the sender works, but what came gets nobody further
  progress,      ///< bytes of the volume, or a share of it that is settled
};

/// The shares of a volume that count, at least, for frames that carry no bytes of it: a sender that
/// reads, compares or skips its way through a volume is heard that often, and one that claims to
/// holds a reader up no more often than that, whatever size it claims.
constexpr uint64_t kAdvanceShares = 1024;

/// Sees the checked frames of one stream in order.
class AdvanceMeter {
 public:
  /// `volume_size` as BEGIN says, where there is one.
  explicit AdvanceMeter(uint64_t volume_size = 0) : volume_size_(volume_size) {}

  /// `position`: up to where the transfer has come with this frame.
  Advance of(const FrameBody& body, uint64_t position);

 private:
  Advance settled_up_to(uint64_t position, uint64_t& counted) const;

  uint64_t volume_size_;
  uint64_t counted_ = 0;    // position of the last progress
  uint64_t held_ = 0;       // the same among HOLDS frames, which lie in front
  uint64_t looked_at_ = 0;  // the same among CONTENT frames, which lie where they like
};

}  // namespace bsr
