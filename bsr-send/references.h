// Other places of the volume that a patch can be packed against.
#pragma once

#include <functional>
#include <memory>
#include <thread>

#include "bsr-send/base_indexer.h"
#include "formats/patch.h"

namespace bsr {

/// Journals and logs hold copies of what stands elsewhere: in the base further on, or in the
/// snapshot before it, which the receiver has by then. What the plan names is indexed in the base
/// ahead of the stream, and in the snapshot as it is sent. Serves one thread.
class References {
 public:
  enum class Ahead {
    in_background,
    first,  ///< some of it before each patch is made; then the same volumes give the same patches
  };

  /// What it reads, with readers of its own, for one thread each; opened when they are needed.
  struct Source {
    std::function<std::unique_ptr<VolumeReader>()> snapshot;
    std::function<std::unique_ptr<VolumeReader>()> base;
    std::function<std::unique_ptr<DeltaSource>(uint64_t position)> plan;  ///< from there on
    uint64_t size = 0;  ///< bytes that base and snapshot both have
  };

  /// `wanted`: asked for every patch.
  References(Source source, std::function<bool()> wanted, Ahead ahead)
      : source_(std::move(source)), wanted_(std::move(wanted)), ahead_(ahead) {}

  References(const References&) = delete;
  References& operator=(const References&) = delete;

  /// The references that help, and what they hold.
  void add_to(PatchDraft& patch);

  /// What the next patches may refer to.
  void sent(std::span<const Extent> extents, ByteView content);

 private:
  void start(uint64_t position);
  void index_ahead_of(uint64_t position);

  Source source_;
  std::function<bool()> wanted_;
  Ahead ahead_;
  std::unique_ptr<VolumeReader> snapshot_;
  std::unique_ptr<VolumeReader> base_;
  std::unique_ptr<BlockIndex> index_;  // once it is wanted
  std::unique_ptr<BaseIndexer> indexer_;
  std::jthread indexing_;  // ends first
};

}  // namespace bsr
