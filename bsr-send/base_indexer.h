// Reads the base ahead of a stream, for what the stream will hold copies of.
#pragma once

#include <condition_variable>
#include <deque>
#include <memory>
#include <mutex>
#include <stop_token>

#include "base/aligned_bytes.h"
#include "bsr-send/block_index.h"
#include "formats/delta.h"
#include "platform/volume.h"

namespace bsr {

/// Adds what the base holds in the data extents of a plan to an index.
class BaseIndexer {
 public:
  static constexpr uint64_t kMostAhead = 1U << 30;

  /// `size`: bytes of the base. `index` outlives this. `most_ahead`: bytes of the plan between the
  /// stream and what is indexed; what is further away would only take the place of what is nearer.
  BaseIndexer(std::unique_ptr<DeltaSource> plan, std::unique_ptr<VolumeReader> base, uint64_t size,
              BlockIndex& index, uint64_t most_ahead = kMostAhead)
      : plan_(std::move(plan)),
        base_(std::move(base)),
        size_(size),
        index_(index),
        most_ahead_(most_ahead) {}

  /// The stream has come to this place; from any thread.
  void passed(uint64_t position);

  /// Nothing is needed until passed() is called; from any thread.
  void pause();

  /// Reads and adds one part. False when the plan is at its end, far enough ahead or paused. Where
  /// the base cannot be read it ends: who looks for changes reads there too, and says so.
  bool step();

  /// Steps until the plan is at its end or it shall stop.
  void run(const std::stop_token& stop);

 private:
  struct Part {
    uint64_t end;
    uint64_t bytes;
  };
  [[nodiscard]] bool has_room() const { return ahead_bytes_ < most_ahead_ && !paused_; }
  bool take_part();

  std::unique_ptr<DeltaSource> plan_;
  std::unique_ptr<VolumeReader> base_;
  uint64_t size_;
  BlockIndex& index_;
  uint64_t most_ahead_;
  Extent rest_;  // of a data extent, with part_ before it
  Extent part_;
  bool ended_ = false;
  AlignedBytes bytes_;
  std::mutex mutex_;
  std::condition_variable_any room_;
  bool paused_ = false;
  uint64_t position_ = 0;   // of the stream
  std::deque<Part> ahead_;  // of that, indexed, in order
  uint64_t ahead_bytes_ = 0;
};

}  // namespace bsr
