// The law of merging for what the sender makes by default and over a slow line: patches, and
// patches with references, from its own code.
#include <gtest/gtest.h>

#include "bsr-send/stream_writer.h"
#include "formats/delta_filters.h"
#include "tests/fakes/listed_plan.h"
#include "tests/fakes/naive_root.h"
#include "tests/fakes/random_bytes.h"
#include "tests/unit/bsr-stream/merging.h"

namespace bsr {
namespace {

constexpr uint64_t kChunk = 64 * 1024;
constexpr uint64_t kMostChunks = 10;

/// The chunk as far as the volume reaches.
ByteView chunk_of(const Bytes& volume, uint64_t chunk) {
  const uint64_t begin = std::min<uint64_t>(chunk * kChunk, volume.size());
  return ByteView(volume).subspan(begin, std::min<uint64_t>(kChunk, volume.size() - begin));
}

class SentMergeTest : public RandomRounds {
 protected:
  /// Usually of whole chunks, as those of a pool are.
  uint64_t random_size() {
    return (1 + below(kMostChunks)) * kChunk - (below(3) == 0 ? below(kChunk / 512) * 512 : 0);
  }

  Bytes random_volume() {
    Bytes volume(random_size());
    for (uint64_t chunk = 0; chunk * kChunk < volume.size(); ++chunk)
      if (below(4) != 0) renew(volume, chunk * kChunk, kChunk);
    return volume;
  }

  /// Bytes that were never there, as far as the volume reaches.
  void renew(Bytes& volume, uint64_t offset, uint64_t length) {
    if (offset >= volume.size()) return;
    const Bytes bytes = random_bytes(std::min<uint64_t>(length, volume.size() - offset),
                                     static_cast<unsigned>(dice_()));
    std::ranges::copy(bytes, volume.begin() + static_cast<std::ptrdiff_t>(offset));
  }

  /// As a log does: some blocks, to any byte elsewhere.
  void copy(const Bytes& from, Bytes& to) {
    const uint64_t length = std::min<uint64_t>({from.size(), to.size(), 8192 * (1 + below(3))});
    const uint64_t source = std::min(below(from.size()) / 8192 * 8192, from.size() - length);
    std::copy_n(from.begin() + static_cast<std::ptrdiff_t>(source), length,
                to.begin() + static_cast<std::ptrdiff_t>(below(to.size() - length + 1)));
  }

  Bytes successor(const Bytes& older) {
    Bytes volume = older;
    if (below(3) == 0) volume.resize(random_size());
    for (uint64_t times = 1 + below(12); times > 0; --times) {
      const uint64_t offset = below(volume.size()) / 512 * 512;
      switch (below(8)) {
        case 0:  // a chunk or two go
          std::fill_n(volume.begin() + static_cast<std::ptrdiff_t>(offset / kChunk * kChunk),
                      std::min<uint64_t>(2 * kChunk, volume.size() - offset / kChunk * kChunk),
                      std::byte{0});
          break;
        case 1:
          renew(volume, offset, kChunk / 2);
          break;
        case 2:
        case 3:
          copy(Bytes(volume), volume);
          break;
        case 4:
          copy(older, volume);
          break;
        default:
          for (uint64_t i = 0; i < 20; ++i) renew(volume, offset + i * 5120, 512);
      }
    }
    return volume;
  }

  /// Whole chunks that differ, some that were written again with what they held, and what lay
  /// behind the base's end.
  std::deque<DeltaExtent> plan_of(const Bytes& base, const Bytes& next) {
    std::deque<DeltaExtent> plan;
    for (uint64_t chunk = 0; chunk * kChunk < next.size(); ++chunk) {
      const ByteView now = chunk_of(next, chunk);
      const ByteView before = chunk_of(base, chunk);
      if (std::ranges::equal(now, before) && below(6) != 0) continue;
      if (is_zero(before) && is_zero(now)) continue;
      const bool unmapped = is_zero(now) && below(2) == 0;
      plan.push_back({{chunk * kChunk, now.size()}, unmapped ? DeltaKind::unmap : DeltaKind::data});
    }
    return plan;
  }

  static BeginFrame begin_of(size_t number, const Bytes* base, const Bytes& next) {
    BeginFrame begin = full_begin(next.size());
    begin.snapshot_id = fmt::format("snapshot-{}", number);
    if (base == nullptr) return begin;
    begin.base_id = fmt::format("snapshot-{}", number - 1);
    begin.base_size = base->size();
    return begin;
  }

  /// The stream to `next`, which is snapshot `number`, as bsr-send --patch always makes it.
  Bytes sent(size_t number, const Bytes* base, const Bytes& next) {
    const std::deque<DeltaExtent> extents = plan_of(base != nullptr ? *base : Bytes{}, next);
    const auto reader = [](const Bytes& volume) { return std::make_unique<MemoryVolume>(volume); };
    const auto behind = [&](uint64_t position) {
      return std::make_unique<ClippedDelta>(std::make_unique<ListedPlan>(extents), position,
                                            next.size());
    };
    References references(
        {.snapshot = [&] { return reader(next); },
         .base = [&] { return reader(*base); },
         .plan = behind,
         .size = base != nullptr ? std::min(base->size(), next.size()) : 0},
        [] { return true; }, References::Ahead::first);
    MemoryVolume snapshot(next);
    MemoryVolume older(base != nullptr ? *base : Bytes{});
    const auto plan = behind(0);
    PieceReader pieces(
        *plan, snapshot,
        base == nullptr
            ? PieceBase{}
            : PieceBase{.volume = &older, .size = base->size(), .references = &references});
    const MemoryFile file;
    StreamWriter writer(FdOutput(file.fd()), begin_of(number, base, next), [](auto, auto) {});
    Effort effort({.base = base != nullptr, .always_base = base != nullptr}, 1);
    ship(pieces, writer, effort, 0);
    writer.finish(naive_root(next));
    return contents(file);
  }

  /// `streams_[i]` makes volume i + 1 of volume i; what volume 0 is does not matter to a full one.
  void make_chain(size_t streams) {
    full_ = below(2) == 0;
    volumes_ = {random_volume()};
    streams_.clear();
    for (size_t i = 1; i <= streams; ++i) {
      volumes_.push_back(successor(volumes_.back()));
      streams_.push_back(sent(i, i == 1 && full_ ? nullptr : &volumes_[i - 1], volumes_[i]));
      patches_.add(receive(streams_.back()));
      ASSERT_EQ(volumes_[i], applied(streams_.back(), volumes_[i - 1], dice_));
    }
  }

  /// One stream of these, checked as bsr-stream verify does: it leads to the last volume, and its
  /// content root is that one's.
  void expect_law(size_t first, size_t last, const Bytes& stream) {
    const std::vector<Frame> frames = receive(stream);
    ASSERT_EQ(volumes_[last], applied(stream, volumes_[first], dice_)) << first << " to " << last;
    ASSERT_EQ(naive_root(volumes_[last]), std::get<EndFrame>(frames.back().body).content_root);
  }

  Bytes merged_from(size_t first, size_t last) {
    const bool is_full = full_ && first == 0;
    return merged({streams_.begin() + static_cast<std::ptrdiff_t>(first),
                   streams_.begin() + static_cast<std::ptrdiff_t>(last)},
                  is_full ? std::nullopt : std::optional(volumes_[first]));
  }

  bool full_ = false;
  std::vector<Bytes> volumes_;
  std::vector<Bytes> streams_;
  PatchCount patches_;
};

TEST_F(SentMergeTest, EveryPartOfAChainIsOneStream) {
  in_rounds(std::max(rounds() / 50, 20U), [this] {
    make_chain(2 + below(4));
    for (size_t first = 0; first < streams_.size(); ++first)
      for (size_t last = first + 2; last <= streams_.size(); ++last)
        expect_law(first, last, merged_from(first, last));
  });
  EXPECT_GT(patches_.all, patches_.referring);
  EXPECT_GT(patches_.referring, 0U);
}

/// What was merged already has no patches, and is as good as the streams that it was made of.
TEST_F(SentMergeTest, WhatWasMergedCanBeMergedAgain) {
  in_rounds(rounds() / 100, [this] {
    make_chain(3);
    const std::optional<Bytes> base = full_ ? std::nullopt : std::optional(volumes_[0]);
    expect_law(0, 3, merged({merged_from(0, 2), streams_[2]}, base));
    expect_law(0, 3, merged({streams_[0], merged_from(1, 3)}, base));
  });
}

}  // namespace
}  // namespace bsr
