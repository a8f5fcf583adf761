// The content root of the snapshot that a session sends.
#pragma once

#include <functional>

#include "bsr-send/source.h"
#include "platform/content_scan.h"
#include "platform/content_store.h"

namespace bsr {

/// Reads of the snapshot what is not known already: with the map of the base, leaves in which the
/// plan has something; without, all that is mapped. Where snapshots have lasting names, the map is
/// kept for the session that sends the next one.
class SentContent {
 public:
  SentContent(SendSource& source, DeltaEngine engine, unsigned threads)
      : source_(source), engine_(engine), threads_(threads) {}

  /// `on_leaf` sees every leaf, in order.
  ContentResult compute(Plan& plan, VolumeReader& volume,
                        const std::function<void(const Digest& leaf)>& on_leaf);

  /// After compute(), once the snapshot was sent. Says on standard error when it cannot.
  void keep();

 private:
  SendSource& source_;
  DeltaEngine engine_;
  unsigned threads_;
  ContentStore store_;
  std::optional<ContentDraft> draft_;
};

}  // namespace bsr
