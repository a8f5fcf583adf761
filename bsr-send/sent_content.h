// The content root of the snapshot that a session sends.
#pragma once

#include <functional>

#include "bsr-send/source.h"
#include "platform/content_scan.h"
#include "platform/content_store.h"
#include "platform/gathered_leaves.h"

namespace bsr {

/// Reads of the snapshot what is not known already: with the map of the base, leaves in which the
/// plan has something; without, all that is mapped. Of these it does not read what it was offered
/// as a whole. Where snapshots have lasting names, the map is kept for the session that sends the
/// next one.
class SentContent {
 public:
  SentContent(SendSource& source, DeltaEngine engine, unsigned threads)
      : source_(source), engine_(engine), threads_(threads) {}

  /// Of the plan from `position` on: what is read of it to be sent is to be offered, from one
  /// thread, in order. Of a full stream what lies between are zeros.
  void begin_offers(uint64_t position);
  void offer(const Extent& part, ByteView bytes);  ///< as PieceReader::OnRead
  void end_offers();                               ///< all of it was

  /// Hears of all leaves, in order.
  struct Listener {
    std::function<void(const Digest& leaf)> on_leaf;
    std::function<void(uint64_t count)> on_zeros;  ///< of so many that were not looked at
  };
  ContentResult compute(Plan& plan, VolumeReader& volume, const Listener& listener);

  /// After compute(), once the snapshot was sent. Says on standard error when it cannot.
  void keep();

 private:
  void zeros_before(uint64_t offset);

  SendSource& source_;
  DeltaEngine engine_;
  unsigned threads_;
  ContentStore store_;
  std::optional<ContentDraft> draft_;
  std::optional<GatheredLeaves> offered_;
  uint64_t offered_end_ = 0;  // of the last part
};

}  // namespace bsr
