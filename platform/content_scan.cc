#include "platform/content_scan.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>
#include <thread>

#include "base/aligned_bytes.h"
#include "base/error.h"
#include "base/ordered_work.h"
#include "platform/file_reads.h"
#include "platform/signals.h"

namespace bsr {
namespace {

struct Leaf {
  uint64_t number = 0;
  Digest digest{};
  uint64_t bytes_read = 0;
};

/// Which leaves must be read, in order.
class TouchedLeaves {
 public:
  explicit TouchedLeaves(const ContentScan& scan)
      : touched_(scan.touched), leaves_(leaf_count(scan.size)) {
    if (scan.known == nullptr || scan.known->volume_size() == scan.size) return;
    // Of the leaf in which the smaller of the two volumes ends, the map says nothing.
    const uint64_t end = std::min(scan.size, scan.known->volume_size());
    if (end % kLeafSize != 0) cut_leaf_ = end / kLeafSize;
  }

  std::optional<uint64_t> next() {
    while (!ended_ && extent_.end() <= next_ * kLeafSize) {
      const std::optional<DeltaExtent> found = touched_.next();
      ended_ = !found;
      if (found) extent_ = found->extent;
    }
    uint64_t leaf = ended_ ? leaves_ : std::max(next_, extent_.offset / kLeafSize);
    if (cut_leaf_ && *cut_leaf_ >= next_) leaf = std::min(leaf, *cut_leaf_);
    if (leaf >= leaves_) return std::nullopt;
    next_ = leaf + 1;
    return leaf;
  }

 private:
  DeltaSource& touched_;
  uint64_t leaves_;
  std::optional<uint64_t> cut_leaf_;
  uint64_t next_ = 0;  // all below were decided
  Extent extent_;      // the last one found
  bool ended_ = false;
};

/// The parts of a file that are not holes.
class FileData final : public DeltaSource {
 public:
  explicit FileData(const BlockFile& file) : fd_(file.fd()), path_(file.path()) {}

  std::optional<DeltaExtent> next() override {
    const off_t begin = lseek(fd_, position_, SEEK_DATA);
    if (begin < 0 && errno == ENXIO) return std::nullopt;  // there is no more
    const off_t end = begin < 0 ? begin : lseek(fd_, begin, SEEK_HOLE);
    if (end < 0) fail_errno(errno, path_ + ": cannot find its holes");
    position_ = end;
    return DeltaExtent{{static_cast<uint64_t>(begin), static_cast<uint64_t>(end - begin)},
                       DeltaKind::data};
  }

 private:
  int fd_;
  std::string path_;
  off_t position_ = 0;
};

class OneExtent final : public DeltaSource {
 public:
  explicit OneExtent(uint64_t size) : rest_{0, size} {}

  std::optional<DeltaExtent> next() override {
    if (rest_.length == 0) return std::nullopt;
    return DeltaExtent{std::exchange(rest_, {}), DeltaKind::data};
  }

 private:
  Extent rest_;
};

}  // namespace

ContentResult scan_content(const ContentScan& scan,
                           const std::function<void(const Digest& leaf)>& on_leaf) {
  ContentResult result;
  ContentTree tree(scan.size);
  std::optional<ContentMap::Reader> known;
  if (scan.known != nullptr) known.emplace(*scan.known);
  uint64_t done = 0;  // leaves
  const auto add = [&](const Digest& digest) {
    tree.add(digest);
    on_leaf(digest);
    ++done;
  };
  const uint64_t known_leaves = known ? leaf_count(scan.known->volume_size()) : 0;
  const auto add_untouched_below = [&](uint64_t leaf) {
    while (done < std::min(leaf, scan.on_zeros ? known_leaves : leaf)) {
      if (done % 4096 == 0) throw_if_stopped();
      add(done < known_leaves ? known->at(done) : Digest{});
    }
    if (done == leaf) return;
    tree.add_zeros(leaf - done);
    scan.on_zeros(leaf - done);
    done = leaf;
  };

  TouchedLeaves touched(scan);
  using Task = std::packaged_task<Leaf()>;
  work_in_order<Leaf>(
      scan.threads,
      [&]() -> std::optional<Task> {
        throw_if_stopped();
        const std::optional<uint64_t> leaf = touched.next();
        if (!leaf) return std::nullopt;
        if (scan.gathered != nullptr)
          if (const std::optional<Digest> gathered = scan.gathered->leaf(*leaf))
            return Task([leaf = Leaf{*leaf, *gathered}] { return leaf; });
        const Extent extent = leaf_extent(*leaf, scan.size);
        AlignedBytes bytes(extent.length);
        scan.volume.read(extent.offset, bytes);
        return Task([number = *leaf, bytes = std::move(bytes)] {
          return Leaf{number, leaf_digest(bytes), bytes.size()};
        });
      },
      [&](const Leaf& leaf) {
        add_untouched_below(leaf.number);
        add(leaf.digest);
        result.bytes_read += leaf.bytes_read;
      });
  add_untouched_below(leaf_count(scan.size));
  result.root = tree.root();
  return result;
}

unsigned default_scan_threads() { return std::clamp(std::thread::hardware_concurrency(), 1U, 4U); }

ContentResult scan_file(const BlockFile& file,
                        const std::function<void(const Digest& leaf)>& on_leaf,
                        const std::function<void(uint64_t count)>& on_zeros, unsigned threads,
                        GatheredLeaves* gathered) {
  BorrowedReader volume(file);
  std::unique_ptr<DeltaSource> everything;
  if (file.is_block_device())
    everything = std::make_unique<OneExtent>(file.size());
  else
    everything = std::make_unique<FileData>(file);
  return scan_content({.volume = volume,
                       .size = file.size(),
                       .touched = *everything,
                       .gathered = gathered,
                       .threads = threads,
                       .on_zeros = on_zeros},
                      on_leaf);
}

}  // namespace bsr
