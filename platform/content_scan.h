// Reads a volume, or what may have changed in it, and says what it holds as a whole.
#pragma once

#include <functional>

#include "formats/delta.h"
#include "platform/block_io.h"
#include "platform/content_map.h"
#include "platform/gathered_leaves.h"
#include "platform/volume.h"

namespace bsr {

struct ContentScan {
  VolumeReader& volume;
  uint64_t size = 0;     ///< bytes of the volume
  DeltaSource& touched;  ///< whatever its kind: leaves that an extent touches are read
  const ContentMap* known =
      nullptr;  ///< all other leaves are as in this map, or zero where there is none
  GatheredLeaves* gathered = nullptr;  ///< finished: touched leaves that it knows are not read
  unsigned threads = 0;                ///< that hash; 0 does everything in one thread
  /// Instead of `on_leaf`, for so many leaves of zeros that were not read: there may be billions.
  std::function<void(uint64_t count)> on_zeros{};
};

struct ContentResult {
  Digest root{};
  uint64_t bytes_read = 0;
};

/// Memory: some MiB for each thread. `on_leaf` is called for every leaf, in order, from the calling
/// thread. Throws Error{interrupted} after a stop signal, and whatever reading throws.
ContentResult scan_content(const ContentScan& scan,
                           const std::function<void(const Digest& leaf)>& on_leaf);

/// How many threads hash, unless somebody says otherwise.
[[nodiscard]] unsigned default_scan_threads();

/// As scan_content, all of a file or device; for a file, its holes are not read.
ContentResult scan_file(const BlockFile& file,
                        const std::function<void(const Digest& leaf)>& on_leaf,
                        const std::function<void(uint64_t count)>& on_zeros = {},
                        unsigned threads = default_scan_threads(),
                        GatheredLeaves* gathered = nullptr);

}  // namespace bsr
