#include "platform/zeroing.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/aligned_bytes.h"
#include "base/error.h"
#include "platform/clock.h"
#include "platform/signals.h"

namespace bsr {
namespace {

constexpr uint64_t kRead = 1U << 20;
// What is written together. No chunk of a thin pool begins or ends within it, so that zeros go only
// into chunks that hold something else.
constexpr uint64_t kUnit = 64U << 10;

// Of what one call of the kernel frees, which hears no signal.
constexpr uint64_t kFirstPiece = 64U << 20;
constexpr uint64_t kLargestPiece = 1U << 30;
constexpr int kRounds = 4;  // of looking for what came up
constexpr std::chrono::milliseconds kShort{50};
constexpr std::chrono::milliseconds kLong{200};

/// `step` for one piece after the other, of whole units, and large or small as that takes time.
template <typename Step>
void in_pieces(Extent extent, uint64_t unit, const Step& step) {
  uint64_t size = kFirstPiece;
  while (extent.length > 0) {
    throw_if_stopped();
    const Extent piece = {extent.offset,
                          std::min(extent.length, std::max(size / unit, uint64_t{1}) * unit)};
    const auto begin = steady_now();
    step(piece);
    const auto took = steady_now() - begin;
    if (took < kShort) size = std::min(2 * size, kLargestPiece);
    if (took > kLong) size = std::max(size / 2, unit);
    extent = {piece.end(), extent.length - piece.length};
  }
}

/// In a file.
class Holes final : public SpaceFreeing {
 public:
  explicit Holes(const BlockFile& file) : file_(file) {}

  void free(Extent extent) override {
    for (uint64_t offset = extent.offset; possible_;) {
      const std::optional<Extent> data = file_.next_data(offset);
      const std::optional<Extent> part =
          data ? clip(*data, extent.offset, extent.end()) : std::nullopt;
      if (!part) return;
      in_pieces(*part, 1, [&](Extent piece) { punch(piece); });
      offset = part->end();
    }
  }

 private:
  void punch(Extent extent) {
    if (!possible_) return;
    if (fallocate(file_.fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  static_cast<off_t>(extent.offset), static_cast<off_t>(extent.length)) == 0)
      return;
    if (errno != EOPNOTSUPP) fail_errno(errno, file_.path() + ": cannot make a hole");
    possible_ = false;
  }

  const BlockFile& file_;
  bool possible_ = true;  // not on every file system
};

/// Whole chunks of a thin device; it passes over the parts of a discard that do not fill one.
class Chunks final : public SpaceFreeing {
 public:
  Chunks(const BlockFile& file, uint64_t chunk_size) : file_(file), chunk_size_(chunk_size) {}

  void free(Extent extent) override {
    const uint64_t first = (extent.offset + chunk_size_ - 1) / chunk_size_ * chunk_size_;
    const uint64_t last = extent.end() / chunk_size_ * chunk_size_;
    if (first >= last) return;
    in_pieces({first, last - first}, chunk_size_, [&](Extent piece) { discard(piece); });
  }

 private:
  void discard(Extent chunks) {
    std::array<uint64_t, 2> range = {chunks.offset, chunks.length};
    if (ioctl(file_.fd(), BLKDISCARD, range.data()) == 0 || errno == EOPNOTSUPP) return;
    fail_errno(errno, file_.path() + ": cannot discard");
  }

  const BlockFile& file_;
  uint64_t chunk_size_;
};

/// Where an external origin would be read again, nothing is freed; nor where the pool does not.
std::unique_ptr<SpaceFreeing> freeing_of(const BlockFile& file,
                                         const std::optional<ThinFacts>& thin) {
  if (thin && (thin->has_external_origin || !thin->takes_discards)) return nullptr;
  if (thin) return std::make_unique<Chunks>(file, thin->chunk_size);
  if (file.is_block_device()) return nullptr;  // a discard of others promises nothing
  return std::make_unique<Holes>(file);
}

/// The part of `extent` from its begin to a boundary of units, which it may be shorter than.
Extent up_to_boundary(Extent extent, uint64_t unit) {
  return {extent.offset, std::min(extent.length, unit - extent.offset % unit)};
}

/// Reads it past the page cache, with what makes its blocks whole; returns it.
ByteView read_around(const BlockFile& file, Extent extent, AlignedBytes& memory) {
  const Extent blocks = file.blocks_around(extent);
  memory.resize(blocks.length);
  file.read(blocks.offset, memory);
  return ByteView(memory).subspan(extent.offset - blocks.offset, extent.length);
}

/// Calls `on_data` for each part of `extent` that is not all zeros, a unit at most.
template <typename OnData>
void find_data(const BlockFile& file, Extent extent, const OnData& on_data) {
  AlignedBytes memory;
  while (extent.length > 0) {
    throw_if_stopped();
    const std::optional<Extent> data = file.next_data(extent.offset);
    const std::optional<Extent> rest =
        data ? clip(*data, extent.offset, extent.end()) : std::nullopt;
    if (!rest) return;
    Extent part = up_to_boundary(*rest, kRead);
    extent = {part.end(), extent.end() - part.end()};
    ByteView bytes = read_around(file, part, memory);
    while (part.length > 0 && !is_zero(bytes)) {
      const Extent unit = up_to_boundary(part, kUnit);
      if (!is_zero(bytes.first(unit.length)) && !on_data(unit)) return;
      part = {unit.end(), part.length - unit.length};
      bytes = bytes.subspan(unit.length);
    }
  }
}

}  // namespace

Zeroing::Zeroing(const BlockFile& file, const std::optional<ThinFacts>& thin)
    : file_(file), freeing_(freeing_of(file, thin)) {}

void Zeroing::zero(Extent extent, VolumeSink& writes) const {
  free(extent);
  const Extent blocks = file_.blocks_around(extent);
  if (!file_.direct_fd(blocks.offset, nullptr, blocks.length))
    writes.wait();  // a page of the cache reaches over places beside it
  find_data(file_, extent, [&](Extent unit) {
    writes.write({&unit, 1}, AlignedBytes(unit.length, std::byte{0}));
    return true;
  });
}

void zero_what_came_up(const BlockFile& file,
                       const std::function<std::unique_ptr<DeltaSource>()>& touched,
                       VolumeSink& sink) {
  for (int round = 0; round < kRounds; ++round) {
    bool all_zero = true;
    const std::unique_ptr<DeltaSource> places = touched();
    while (const std::optional<DeltaExtent> place = places->next()) {
      if (place->kind != DeltaKind::unmap || reads_as_zeros(file, place->extent)) continue;
      all_zero = false;
      sink.zero(place->extent);
    }
    if (all_zero) return;
    sink.flush();
  }
  fail(ErrorKind::verify,
       "{}: places that were zeroed hold something else again and again; see the kernel log "
       "(dmesg), or receive into a new volume",
       file.path());
}

bool reads_as_zeros(const BlockFile& file, Extent extent) {
  bool zeros = true;
  find_data(file, extent, [&](Extent) { return zeros = false; });
  return zeros;
}

}  // namespace bsr
