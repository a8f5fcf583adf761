// What generations hold: known from maps that were kept, or read.
#pragma once

#include <functional>
#include <optional>

#include "bsr-recv/generations.h"
#include "platform/activation.h"
#include "platform/block_io.h"
#include "platform/content_scan.h"
#include "platform/content_store.h"
#include "platform/file_reads.h"

namespace bsr {

class GenerationContents {
 public:
  GenerationContents(Lvm lvm, VolumeName target)
      : lvm_(std::move(lvm)), target_(std::move(target)) {}

  [[nodiscard]] std::optional<ContentMap> known(const Generation& generation) const {
    return store_.find(generation.volume.uuid, generation.size);
  }

  /// All of it, whatever is known of it; that is known from now on.
  ContentResult read(const Generation& generation,
                     const std::function<void(const Digest& leaf)>& on_leaf) const;

  /// Of a generation that is being made, until keep() names its volume.
  [[nodiscard]] ContentDraft draft() const { return ContentDraft(store_); }

  /// A map is a hint: that it could not be kept is only said.
  void keep(ContentDraft& draft, const std::string& uuid) const;

 private:
  Lvm lvm_;
  VolumeName target_;
  ContentStore store_;
};

/// A generation as what patches apply to.
class OpenGeneration {
 public:
  OpenGeneration(const Lvm& lvm, const Generation& generation)
      : activation_(lvm, generation.volume),
        reader_(BlockFile(generation.volume.path, BlockFile::Access::shared_read)) {}

  [[nodiscard]] VolumeReader& reader() { return *reader_; }

  void close() {
    reader_.reset();
    activation_.release_unless_in_use();
  }

 private:
  Activation activation_;
  std::optional<BlockReader> reader_;  // after activation_: closed before that is released
};

}  // namespace bsr
