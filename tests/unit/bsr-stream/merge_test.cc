// The law of merging: what two streams do one after the other, the merged one does at once, for
// random volumes of any sizes and streams that are cut in any way.
#include "bsr-stream/merge.h"

#include <gtest/gtest.h>

#include <cstring>

#include "base/sector.h"
#include "formats/piece.h"
#include "tests/unit/bsr-stream/merging.h"

namespace bsr {
namespace {

constexpr uint64_t kUnits = 40;  // in a volume, at most
constexpr uint64_t kPage = 4096;

/// What a unit of a volume holds: zeros, or one of few patterns; each sector knows its place.
using Volume = std::vector<unsigned>;

Bytes bytes_of(const Volume& volume, uint64_t unit) {
  Bytes bytes(volume.size() * unit);
  for (uint64_t i = 0; i < bytes.size(); i += kSectorSize) {
    const uint64_t pattern = volume[i / unit] * kUnits * 1000 + i / kSectorSize;
    if (volume[i / unit] == 0) continue;
    std::fill_n(&bytes[i], kSectorSize, static_cast<std::byte>(1 + pattern % 255));
    std::memcpy(&bytes[i], &pattern, sizeof pattern);
  }
  return bytes;
}

/// A snapshot and how a stream calls it.
struct Snapshot {
  std::string id;
  Volume volume;
};

class MergeTest : public RandomRounds {
 protected:
  void SetUp() override { unit_ = dice_() % 40 == 0 ? 200 * 512 : 512; }

  Volume random_volume() {
    Volume volume(below(kUnits + 1));
    for (unsigned& value : volume) value = below(2) == 0 ? 0 : static_cast<unsigned>(below(4));
    return volume;
  }

  /// Often of another size; what is behind an old end is zero.
  Volume successor(Volume volume) {
    if (below(3) != 0) volume.resize(below(kUnits + 1));
    for (uint64_t runs = volume.empty() ? 0 : below(6); runs > 0; --runs) {
      const unsigned value = below(2) == 0 ? 0 : static_cast<unsigned>(below(4));
      for (uint64_t i = below(volume.size()), n = 1 + below(8); n > 0 && i < volume.size(); --n)
        volume[i++] = value;
    }
    return volume;
  }

  ChangeKind random_kind(unsigned value) {
    if (value != 0) return ChangeKind::data;
    return std::array{ChangeKind::data, ChangeKind::zero, ChangeKind::unmap}.at(below(3));
  }

  /// Any pages that both volumes have, whatever the patch itself names.
  std::vector<Extent> random_references(uint64_t size) {
    std::vector<Extent> references;
    for (uint64_t page = 0; (page + 1) * kPage <= size; page += 1 + below(3))
      if (below(2) == 0 && references.size() < 100) references.push_back({page * kPage, kPage});
    return references;
  }

  /// The piece as it is, or packed against what `base` holds there, and both elsewhere.
  FrameBody perhaps_patch(Piece&& piece, const Bytes& base, const Bytes& next) {
    auto* data = std::get_if<DataFrame>(&piece);
    if (data == nullptr || !patched_ || end_of(piece) > base.size() || below(3) == 0)
      return std::visit([](auto& frame) { return FrameBody(std::move(frame)); }, piece);
    PatchDraft draft{data->extents, data->content, {}};
    if (below(2) == 0) draft.references = random_references(std::min(base.size(), next.size()));
    const uint64_t begin = draft.extents.front().offset;
    for (const Extent& place : draft.references)
      for (uint64_t at = place.offset; at < place.end(); ++at)
        draft.base.push_back(at < begin ? next[at] : base[at]);
    for (const Extent& extent : draft.extents)
      append(draft.base, ByteView(base).subspan(extent.offset, extent.length));
    return decoded(encode(std::move(draft), kZstd));
  }

  /// All that differs and some that does not, in frames cut at random.
  std::vector<FrameBody> random_frames(const Volume& base, const Volume& next) {
    const Bytes bytes = bytes_of(next, unit_);
    const Bytes old = bytes_of(base, unit_);
    std::vector<FrameBody> frames;
    std::optional<Piece> piece;
    const auto close = [&] {
      if (!piece) return;
      const uint64_t end = end_of(*piece);
      frames.push_back(perhaps_patch(std::move(*piece), old, bytes));
      piece.reset();
      if (below(6) == 0) frames.emplace_back(CheckpointFrame{end, {}});
      if (below(6) == 0) frames.emplace_back(UnknownFrame{0x8007});
    };
    for (uint64_t i = 0; i < next.size(); ++i) {
      const unsigned before = i < base.size() ? base[i] : 0;
      if (before == next[i] && below(3) != 0) continue;
      const ChangeKind kind = random_kind(next[i]);
      const Extent extent = {i * unit_, unit_};
      if (piece && (below(4) == 0 || !fits(*piece, kind, unit_))) close();
      if (!piece) piece = empty_piece(kind);
      if (below(4) == 0)
        std::visit([&](auto& frame) { frame.extents.push_back(extent); }, *piece);
      else
        add_extent(*piece, extent);
      if (auto* data = std::get_if<DataFrame>(&*piece))
        data->content.insert(data->content.end(),
                             bytes.begin() + static_cast<std::ptrdiff_t>(extent.offset),
                             bytes.begin() + static_cast<std::ptrdiff_t>(extent.end()));
    }
    close();
    return frames;
  }

  BeginFrame begin_of(const std::optional<Snapshot>& base, const Snapshot& next) {
    BeginFrame begin = full_begin(next.volume.size() * unit_);
    begin.snapshot_id = next.id;
    begin.snapshot_time = static_cast<int64_t>(below(1000));
    begin.epoch = below(1000);
    begin.chunk_size = static_cast<uint32_t>(below(4)) * 65536;
    begin.plan_data = below(1000);  // nobody may rely on it
    if (!base) return begin;
    begin.base_id = base->id;
    begin.base_size = base->volume.size() * unit_;
    return begin;
  }

  Bytes random_stream(const std::optional<Snapshot>& base, const Snapshot& next) {
    std::vector<FrameBody> frames =
        whole(begin_of(base, next), random_frames(base ? base->volume : Volume{}, next.volume));
    for (std::byte& part : std::get<EndFrame>(frames.back()).content_root)
      part = static_cast<std::byte>(below(256));
    return wire(frames, below(2) == 0 ? kPlain : kZstd);
  }

  Bytes apply(ByteView stream, Bytes old) { return applied(stream, std::move(old), dice_); }

  /// Snapshots that follow each other, and the streams from each to the next. The first stream is
  /// full in one round of three; then the first snapshot is what its target happens to hold.
  void make_chain(size_t streams, bool patched = false) {
    snapshots_ = {{"snapshot-0", random_volume()}};
    streams_.clear();
    full_ = below(3) == 0;
    patched_ = patched;
    for (size_t i = 1; i <= streams; ++i) {
      snapshots_.push_back({fmt::format("snapshot-{}", i), successor(snapshots_.back().volume)});
      streams_.push_back(random_stream(
          i == 1 && full_ ? std::nullopt : std::optional(snapshots_[i - 1]), snapshots_[i]));
    }
  }
  Bytes content(size_t snapshot) const { return bytes_of(snapshots_[snapshot].volume, unit_); }

  uint64_t unit_ = 512;
  bool full_ = false;
  bool patched_ = false;
  std::vector<Snapshot> snapshots_;
  std::vector<Bytes> streams_;
};

/// What BEGIN says about its stream must be so.
void expect_true_plan(const std::vector<Frame>& frames) {
  uint64_t data = 0;
  uint64_t unmap = 0;
  uint64_t extents = 0;
  std::optional<Extent> last;
  bool last_is_unmap = false;
  const auto count = [&](const std::vector<Extent>& list, bool is_unmap) {
    for (const Extent& extent : list) {
      (is_unmap ? unmap : data) += extent.length;
      if (!last || last->end() != extent.offset || last_is_unmap != is_unmap) ++extents;
      last = extent;
      last_is_unmap = is_unmap;
    }
  };
  for (const Frame& frame : frames)
    std::visit(
        Overload{[&](const DataFrame& body) { count(body.extents, false); },
                 [&](const ZeroFrame& body) { count(body.extents, false); },
                 [&](const UnmapFrame& body) { count(body.extents, true); }, [](const auto&) {}},
        frame.body);
  const auto& begin = std::get<BeginFrame>(frames.at(0).body);
  EXPECT_EQ(data, begin.plan_data);
  EXPECT_EQ(unmap, begin.plan_unmap);
  EXPECT_EQ(extents, begin.plan_extents);
  EXPECT_NE(Digest{}, begin.plan_hash);
  EXPECT_TRUE(!begin.is_full() || unmap == 0);
}

TEST_F(MergeTest, MergedStreamDoesAtOnceWhatTheTwoDo) {
  in_rounds(rounds(), [this] {
    make_chain(2);
    const Bytes one_by_one = apply(streams_[1], apply(streams_[0], content(0)));
    ASSERT_EQ(content(2), one_by_one);
    const Bytes both = merged(streams_);
    ASSERT_EQ(content(2), apply(both, content(0)));
    expect_true_plan(receive(both));
  });
}

TEST_F(MergeTest, MergedStreamIsAboutTheNewerSnapshotAndTheOlderBase) {
  in_rounds(rounds() / 10, [this] {
    make_chain(2);
    const std::vector<Frame> older = receive(streams_[0]);
    const std::vector<Frame> newer = receive(streams_[1]);
    const std::vector<Frame> both = receive(merged(streams_));
    const auto& begin = std::get<BeginFrame>(both[0].body);
    BeginFrame expected = std::get<BeginFrame>(newer[0].body);
    expected.base_id = full_ ? "" : "snapshot-0";
    expected.base_size = full_ ? 0 : content(0).size();
    expected.plan_data = begin.plan_data;
    expected.plan_unmap = begin.plan_unmap;
    expected.plan_extents = begin.plan_extents;
    expected.plan_hash = begin.plan_hash;
    ASSERT_EQ(describe(expected), describe(begin));
    ASSERT_EQ(std::get<EndFrame>(newer.back().body).content_root,
              std::get<EndFrame>(both.back().body).content_root);
  });
}

TEST_F(MergeTest, ManyStreamsMayBeMergedAtOnceOrInAnyOrder) {
  in_rounds(rounds() / 4, [this] {
    make_chain(3);
    const Bytes at_once = merged(streams_);
    const Bytes left = merged({merged({streams_[0], streams_[1]}), streams_[2]});
    const Bytes right = merged({streams_[0], merged({streams_[1], streams_[2]})});
    for (const Bytes& stream : {at_once, left, right})
      ASSERT_EQ(content(3), apply(stream, content(0)));
    // The same changes in the same order, however they were cut.
    ASSERT_EQ(std::get<BeginFrame>(receive(at_once)[0].body).plan_hash,
              std::get<BeginFrame>(receive(left)[0].body).plan_hash);
  });
}

TEST_F(MergeTest, PatchesAreUnpackedWithTheBaseAndWhatTheStreamsMakeOfIt) {
  PatchCount patches;
  in_rounds(rounds() / 2, [&, this] {
    make_chain(2 + below(3), true);
    for (const Bytes& stream : streams_) patches.add(receive(stream));
    const std::optional<Bytes> base = full_ ? std::nullopt : std::optional(content(0));
    const Bytes all = merged(streams_, base);
    ASSERT_EQ(content(streams_.size()), apply(all, content(0)));
    expect_true_plan(receive(all));
  });
  EXPECT_GT(patches.all, patches.referring);
  EXPECT_GT(patches.referring, 0U);
}

TEST_F(MergeTest, SameStreamsGiveTheSameBytes) {
  make_chain(2);
  EXPECT_EQ(merged(streams_), merged(streams_));
}

TEST_F(MergeTest, EndsOfDataAreMarkedEveryMebibyte) {
  unit_ = 200 * 512;
  Snapshot base{"snapshot-0", Volume(kUnits, 1)};
  Snapshot next{"snapshot-1", Volume(kUnits, 2)};
  const Bytes both = merged({random_stream(std::nullopt, base), random_stream(base, next)});
  uint64_t since = 0;
  for (const Frame& frame : receive(both)) {
    if (const auto* data = std::get_if<DataFrame>(&frame.body)) since += data->content.size();
    if (std::holds_alternative<CheckpointFrame>(frame.body)) since = 0;
    EXPECT_LT(since, (1U << 20) + kPieceContent);
  }
}

TEST_F(MergeTest, DamageAnywhereInEitherIsNoticedAndNoEndIsWritten) {
  in_rounds(rounds() / 4, [this] {
    make_chain(2);
    Bytes& stream = streams_[below(2)];
    const bool cut = below(2) == 0;
    const uint64_t place = below(stream.size());
    if (cut)
      stream.resize(place);
    else
      stream[place] ^= static_cast<std::byte>(1U << below(8));
    const auto kind = kind_thrown_by([this] { merged(streams_); });
    ASSERT_TRUE(kind == (cut ? ErrorKind::truncated : ErrorKind::corrupt)) << place;
  });
}

}  // namespace
}  // namespace bsr
