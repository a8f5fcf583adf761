// Leaves of a volume whose bytes somebody had in hand anyway, so that nobody reads them once more.
#pragma once

#include <atomic>
#include <map>
#include <optional>
#include <thread>
#include <vector>

#include "base/aligned_bytes.h"
#include "base/bounded_queue.h"
#include "formats/content_tree.h"
#include "platform/spool.h"
#include "platform/volume.h"

namespace bsr {

/// A leaf is known when all of its bytes came, in any number of parts, each byte once. Parts come
/// in the order of the volume, or near it: of the leaves that are not whole yet only the last few
/// are kept. What is not known has to be read; so nothing here fails, but for want of memory, or
/// where `rest` cannot be read. One thread adds, others hash. Memory: some MiB, and one for each
/// thread; digests are in a temporary file.
class GatheredLeaves {
 public:
  /// `threads`: that hash; 0 does it in the thread that adds. `rest`: what is missing of a leaf is
  /// read there once a part of a later one comes, so parts ascend then, and what does not come does
  /// not change either; null: it is not read.
  GatheredLeaves(uint64_t volume_size, unsigned threads, VolumeReader* rest = nullptr);
  ~GatheredLeaves() { join(); }
  GatheredLeaves(const GatheredLeaves&) = delete;
  GatheredLeaves& operator=(const GatheredLeaves&) = delete;

  /// Waits for room when more comes than can be hashed.
  void add(Extent extent, ByteView bytes);

  /// In a time that does not depend on their number.
  void add_zeros(Extent extent);

  /// Nothing more comes. Returns when all that is whole is known.
  void finish();

  /// After finish(): nothing where it is not known. Fastest when asked in ascending order.
  [[nodiscard]] std::optional<Digest> leaf(uint64_t number);

 private:
  static constexpr size_t kPartsKept = 16;
  static constexpr size_t kZeroRunsKept = 1 << 16;
  static constexpr size_t kRecordSize = 1 + stream::kDigestSize;  // whether it is there, and it
  static constexpr size_t kRecordsRead = 2048;                    // at once

  struct Whole {
    uint64_t number = 0;
    AlignedBytes bytes;
  };
  struct Part {
    AlignedBytes bytes;        // of the whole leaf
    uint64_t missing = 0;      // of them
    std::vector<Extent> came;  // in the order in which they came
  };
  using Parts = std::map<uint64_t, Part>;  // by the number of their leaf

  [[nodiscard]] bool takes(const Extent& extent) const;
  /// `bytes`: none for zeros.
  void add_to_leaf(Extent extent, std::optional<ByteView> bytes);
  void take_whole(Parts::iterator part);
  void read_rest(Parts::iterator part);
  void join();
  void add_zero_leaves(uint64_t first, uint64_t end);
  [[nodiscard]] bool is_zero_leaf(uint64_t number) const;
  void hash(const Whole& leaf) noexcept;

  uint64_t volume_size_;
  VolumeReader* rest_;
  Parts parts_;
  std::map<uint64_t, uint64_t> zero_leaves_;  // from, up to
  std::optional<TemporaryFile> records_;
  std::atomic<bool> failed_ = false;  // nothing is known
  Bytes read_;                        // records from first_read_ on
  uint64_t first_read_ = 0;
  BoundedQueue<Whole> whole_;
  std::vector<std::jthread> threads_;  // last: joined first
};

}  // namespace bsr
