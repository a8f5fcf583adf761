// Which frame may follow which, and whether the whole adds up.
#pragma once

#include <cstdint>
#include <optional>

#include "formats/frame.h"
#include "formats/frame_encoder.h"

namespace bsr {

/// Sees every frame of a stream in order, before anybody acts on it, and refuses what breaks the
/// rules: BEGIN first and once, HOLDS before all changes and below the resume point, extents that
/// ascend over the whole stream and stay inside the volume, END with the right counts and digest.
/// All of it is Error{corrupt}.
class StreamGrammar {
 public:
  void check(const Frame& frame);

  /// Of BEGIN, once it was seen.
  [[nodiscard]] const std::optional<BeginFrame>& begin() const { return begin_; }

  /// After BEGIN: how far the transfer has come. A stream can continue from here.
  [[nodiscard]] ResumePoint progress() const { return {cursor_, totals_->value()}; }

 private:
  void change(stream::FrameType type, std::span<const Extent> extents, const ContentHash& hash);
  void patch(const PatchFrame& patch);
  void holds(const HoldsFrame& holds);
  void content(const ContentFrame& content);
  void check_body(const FrameBody& body);

  std::optional<BeginFrame> begin_;
  std::optional<TransferTotals> totals_;
  uint64_t cursor_ = 0;
  uint64_t held_end_ = 0;   // of the last extent in a HOLDS frame
  uint64_t looked_at_ = 0;  // of the last CONTENT frame
  bool may_hold_ = false;   // nothing came yet that HOLDS must come before
};

}  // namespace bsr
