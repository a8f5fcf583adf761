// The law of the project: apply(base, delta(base, next)) == next, for random thin devices of any
// two sizes, through the real plan, pipeline, wire format and applier.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <random>

#include "bsr-recv/applier.h"
#include "bsr-send/plan.h"
#include "bsr-send/stream_writer.h"
#include "formats/delta_filters.h"
#include "platform/delta_engine.h"
#include "platform/frame_source.h"
#include "tests/fakes/listed_plan.h"
#include "tests/fakes/memory_file.h"
#include "tests/fakes/memory_volume.h"
#include "tests/fakes/random_mappings.h"
#include "tests/fakes/temporary_folder.h"

namespace bsr {
namespace {

constexpr uint64_t kChunk = 64 * 1024;
constexpr uint64_t kBlocks = 12;      // of a device, hidden ones behind its end included
constexpr uint64_t kDataBlocks = 20;  // few, so that chunks are shared and change back
constexpr uint64_t kBase = 1;
constexpr uint64_t kNext = 2;

/// What a data block holds: zeros, zeros in parts, or bytes of its own.
Bytes make_content(uint64_t data_block) {
  Bytes chunk(kChunk);
  std::mt19937_64 dice(data_block);
  if (data_block % 5 == 0) return chunk;
  for (size_t i = 0; i < chunk.size(); i += 512) {
    const bool zero_unit = data_block % 3 == 0 && (i / kZeroUnit) % 2 == data_block % 2;
    if (!zero_unit) chunk[i + dice() % 512] = static_cast<std::byte>(1 + dice() % 255);
  }
  return chunk;
}

/// Parts of one text, which every data block holds others of and at other places, with a byte
/// changed here and there, and zeros between them.
Bytes make_moved_content(uint64_t data_block) {
  std::mt19937_64 same(1);
  Bytes text(3 * kChunk);
  for (std::byte& byte : text) byte = static_cast<std::byte>(same());
  std::mt19937_64 dice(data_block);
  Bytes chunk;
  while (chunk.size() < kChunk) {
    const size_t length = 1000 + dice() % 20000;
    if (dice() % 6 == 0)
      chunk.resize(chunk.size() + length);
    else
      append(chunk, ByteView(text).subspan(dice() % (text.size() - length), length));
  }
  chunk.resize(kChunk);
  for (size_t i = dice() % 9000; i < chunk.size(); i += 1 + dice() % 9000) chunk[i] ^= std::byte{1};
  return chunk;
}

using Contents = std::array<Bytes, kDataBlocks>;

template <typename Make>
Contents all_contents(const Make& make) {
  Contents made;
  for (uint64_t i = 0; i < kDataBlocks; ++i) made.at(i) = make(i);
  return made;
}

const Contents& contents() {
  static const Contents made = all_contents(make_content);
  return made;
}

const Contents& moved_contents() {
  static const Contents made = all_contents(make_moved_content);
  return made;
}

Bytes render(const MappingValues& mappings, uint64_t size, const Contents& held = contents()) {
  Bytes bytes(kBlocks * kChunk);
  for (const auto& [block, value] : mappings)
    if (block < kBlocks)
      std::ranges::copy(held.at(value >> 24),
                        bytes.begin() + static_cast<std::ptrdiff_t>(block * kChunk));
  bytes.resize(size);
  return bytes;
}

struct Transfer {
  std::string metadata_path;
  BeginFrame begin;
  unsigned workers = 0;
  Compression compression;

  /// The stream that turns the base, if there is one, into `next`, or the rest of it; in patches
  /// against `old`, if that is given, and other places, if `ahead` is.
  void send(const Bytes& next, const MemoryFile& wire, const Bytes* old = nullptr,
            std::optional<References::Ahead> ahead = std::nullopt) {
    const std::optional<uint64_t> base = begin.is_full() ? std::nullopt : std::optional(kBase);
    const auto delta = open_delta(DeltaEngine::native, {metadata_path, false}, base, kNext, kChunk,
                                  begin.base_size, begin.volume_size);
    Plan plan(*delta, kChunk);
    begin.plan_data = plan.data_bytes();
    const auto plan_behind = [&](uint64_t position) {
      return std::make_unique<ClippedDelta>(std::make_unique<Plan::Reader>(plan), position,
                                            begin.volume_size);
    };
    const auto rest = plan_behind(begin.resume.position);
    DeltaSource& extents = *rest;
    MemoryVolume volume(next);
    std::optional<MemoryVolume> base_volume;
    std::optional<References> references;
    PieceBase piece_base;
    if (old != nullptr) piece_base = {&base_volume.emplace(*old), begin.base_size};
    if (ahead) {
      const References::Source source{
          .snapshot = [&] { return std::make_unique<MemoryVolume>(next); },
          .base = [&] { return std::make_unique<MemoryVolume>(*old); },
          .plan = plan_behind,
          .size = std::min(begin.base_size, begin.volume_size)};
      piece_base.references = &references.emplace(
          source, [] { return true; }, *ahead);
    }
    PieceReader pieces(extents, volume, piece_base);
    StreamWriter writer(FdOutput(wire.fd()), begin, [](uint64_t, uint64_t) {});
    Effort effort({.compression = compression}, workers);
    ship(pieces, writer, effort, workers);
    writer.finish();
  }

  [[nodiscard]] static std::unique_ptr<FrameSource> frames_of(FdInput& input) {
    const StreamStart start(input);
    return open_format1(input, start, {});
  }

  /// What a target that held `old` holds afterwards.
  Bytes receive(const MemoryFile& wire, Bytes old,
                std::unique_ptr<DeltaSource> may_hold = nullptr) const {
    MemoryVolume target(std::move(old));
    receive(wire, target, target, std::move(may_hold));
    return std::move(target.content);
  }

  void receive(const MemoryFile& wire, MemoryVolume& target, VolumeReader& base,
               std::unique_ptr<DeltaSource> may_hold = nullptr) const {
    wire.rewind();
    FdInput input(wire.fd());
    const auto frames = frames_of(input);
    Applier applier(target, begin, std::move(may_hold), volumes(target, base));
    while (std::optional<Frame> frame = frames->next()) applier.apply(std::move(frame->body));
    applier.finish();
    EXPECT_GE(target.flushes, 1U);
  }

  /// A session that ends when so many frames were applied, and what it recorded before that.
  ResumePoint receive_part(const MemoryFile& wire, MemoryVolume& target, VolumeReader& base,
                           size_t recorded, size_t applied) const {
    wire.rewind();
    FdInput input(wire.fd());
    const auto frames = frames_of(input);
    Applier applier(target, begin, nullptr, volumes(target, base));
    ResumePoint resume;
    for (size_t i = 0; i < applied; ++i) {
      applier.apply(std::move(frames->next().value().body));
      if (i < recorded && frames->progress().position > 0) resume = frames->progress();
    }
    return resume;
  }

  static Applier::Volumes volumes(MemoryVolume& target, VolumeReader& base) {
    return {.base = [&]() -> VolumeReader& { return base; },
            .written = [&]() -> VolumeReader& { return target; }};
  }
};

/// How the frames of a stream refer to other places.
struct Referring {
  size_t frames = 0;  // of any kind
  size_t to_before = 0;
  size_t to_behind = 0;
  size_t to_any = 0;
};

Referring referring(const MemoryFile& wire) {
  wire.rewind();
  FdInput input(wire.fd());
  const auto frames = Transfer::frames_of(input);
  Referring found;
  while (const std::optional<Frame> frame = frames->next()) {
    ++found.frames;
    const auto* patch = std::get_if<PatchFrame>(&frame->body);
    if (patch == nullptr || patch->references.empty()) continue;
    const uint64_t begin = patch->extents.front().offset;
    ++found.to_any;
    if (patch->references.front().offset < begin) ++found.to_before;
    if (patch->references.back().end() > begin) ++found.to_behind;
  }
  return found;
}

Bytes bytes_of(const MemoryFile& wire) {
  Bytes bytes(wire.size());
  wire.rewind();
  FdInput input(wire.fd());
  size_t got = 0;
  while (got < bytes.size()) got += input.read_some(std::span(bytes).subspan(got));
  return bytes;
}

unsigned rounds() {
  const char* text = std::getenv("BSR_PROPERTY_ROUNDS");  // NOLINT(concurrency-mt-unsafe)
  return text == nullptr ? 2000 : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

class TransferTest : public testing::Test {
 protected:
  void SetUp() override { make_volumes(1); }

  /// With more runs and more changes the larger `density` is.
  void make_volumes(unsigned density) {
    const ThinMetadataBuilder::Shape shape{.fanout = 3, .salt = dice_()};
    ThinMetadataBuilder builder(shape, kDataBlocks);
    base_ = random_mappings(dice_, kBlocks, kDataBlocks);
    for (unsigned i = 1; i < density; ++i)
      base_.merge(random_mappings(dice_, kBlocks, kDataBlocks));
    next_ = base_;
    for (unsigned i = 0; i < density; ++i) mutate(next_, dice_, kBlocks, kDataBlocks);
    builder.device(kBase, base_);
    builder.device(kNext, next_);
    transfer_.metadata_path = folder_.write("metadata", builder.finish().bytes());
    transfer_.workers = static_cast<unsigned>(dice_() % 3);
    transfer_.compression.enabled = dice_() % 2 == 0;
    transfer_.begin.volume_size = random_size();
    transfer_.begin.volume_id = "volume";
    transfer_.begin.snapshot_id = "next";
  }
  uint64_t random_size() {
    return dice_() % 3 == 0 ? kBlocks * kChunk : (1 + dice_() % (kBlocks * 128)) * 512;
  }

  /// `bytes`, then rubbish up to `size`: what an old end hid.
  Bytes with_rubbish_behind(Bytes bytes, uint64_t size) {
    bytes.resize(std::min(bytes.size(), size));
    bytes.resize(size, static_cast<std::byte>(1 + dice_() % 255));
    return bytes;
  }

  /// `bytes`, then zeros up to `size`, but for some chunks, which `where` gets: whole.
  Bytes with_chunks_of_rubbish_behind(Bytes bytes, uint64_t size, std::deque<DeltaExtent>& where) {
    bytes.resize(std::min(bytes.size(), size));
    const uint64_t end = bytes.size();
    bytes.resize(size);
    for (uint64_t chunk = end / kChunk * kChunk; chunk < size; chunk += kChunk) {
      if (dice_() % 3 != 0) continue;
      where.push_back({{chunk, kChunk}, DeltaKind::data});
      std::fill(bytes.begin() + static_cast<std::ptrdiff_t>(std::max(chunk, end)),
                bytes.begin() + static_cast<std::ptrdiff_t>(std::min(chunk + kChunk, size)),
                static_cast<std::byte>(1 + dice_() % 255));
    }
    return bytes;
  }

  void make_delta() {
    transfer_.begin.base_id = "base";
    transfer_.begin.base_size = random_size();
  }

  TemporaryFolder folder_;
  std::mt19937_64 dice_{std::random_device{}()};
  MappingValues base_;
  MappingValues next_;
  Transfer transfer_;
};

TEST_F(TransferTest, DeltaTurnsBaseIntoNext) {
  for (unsigned round = 0; round < rounds(); ++round) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    dice_.seed(seed);
    SetUp();
    make_delta();
    const MemoryFile wire;
    const uint64_t size = transfer_.begin.volume_size;
    const Bytes expected = render(next_, size);
    transfer_.send(expected, wire);
    Bytes old = with_rubbish_behind(render(base_, transfer_.begin.base_size), size);
    ASSERT_EQ(expected, transfer_.receive(wire, std::move(old)));
    std::deque<DeltaExtent> rubbish;
    old = with_chunks_of_rubbish_behind(render(base_, transfer_.begin.base_size), size, rubbish);
    ASSERT_EQ(expected, transfer_.receive(wire, std::move(old),
                                          std::make_unique<ListedPlan>(std::move(rubbish))));
  }
}

TEST_F(TransferTest, PatchesTurnBaseIntoNext) {
  uint64_t patched = 0;
  for (unsigned round = 0; round < rounds() / 2; ++round) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    dice_.seed(seed);
    SetUp();
    make_delta();
    transfer_.compression.enabled = true;  // no patches without
    const MemoryFile whole;
    const MemoryFile wire;
    const uint64_t size = transfer_.begin.volume_size;
    const Bytes expected = render(next_, size);
    Bytes old = render(base_, transfer_.begin.base_size);
    transfer_.send(expected, whole);
    transfer_.send(expected, wire, &old);
    patched += wire.size() != whole.size() ? 1 : 0;
    old = with_rubbish_behind(std::move(old), size);
    ASSERT_EQ(expected, transfer_.receive(wire, std::move(old)));
  }
  // A third gives patches; of few rounds chance may leave less.
  EXPECT_GT(patched, rounds() / (rounds() < 1000 ? 25 : 8));
}

TEST_F(TransferTest, PatchesThatReferElsewhereTurnBaseIntoNext) {
  size_t to_before = 0;
  size_t to_behind = 0;
  size_t after_resume = 0;
  for (unsigned round = 0; round < rounds() / 8; ++round) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    dice_.seed(seed);
    make_volumes(3);
    make_delta();
    transfer_.compression.enabled = true;
    const auto ahead =
        dice_() % 4 == 0 ? References::Ahead::in_background : References::Ahead::first;
    const uint64_t size = transfer_.begin.volume_size;
    const Bytes expected = render(next_, size, moved_contents());
    const Bytes old = render(base_, transfer_.begin.base_size, moved_contents());
    const MemoryFile wire;
    transfer_.send(expected, wire, &old, ahead);
    const Referring whole = referring(wire);
    to_before += whole.to_before;
    to_behind += whole.to_behind;

    // A target that is written in place and one that keeps the base.
    MemoryVolume in_place(with_rubbish_behind(old, size));
    transfer_.receive(wire, in_place, in_place);
    ASSERT_EQ(expected, in_place.content);
    MemoryVolume base(old);
    MemoryVolume target(with_rubbish_behind(old, size));
    transfer_.receive(wire, target, base);
    ASSERT_EQ(expected, target.content);

    // Both again, cut somewhere. What is written in place has no base any more.
    in_place.content = with_rubbish_behind(old, size);
    target.content = in_place.content;
    const size_t applied = dice_() % whole.frames;
    const size_t recorded = dice_() % 2 == 0 ? applied : dice_() % (applied + 1);
    const ResumePoint resume = transfer_.receive_part(wire, in_place, in_place, recorded, applied);
    ASSERT_EQ(resume, transfer_.receive_part(wire, target, base, recorded, applied));
    transfer_.begin.resume = resume;
    const MemoryFile rest_in_place;
    transfer_.send(expected, rest_in_place);
    transfer_.receive(rest_in_place, in_place, in_place);
    ASSERT_EQ(expected, in_place.content);
    const MemoryFile rest;
    transfer_.send(expected, rest, &old, ahead);
    transfer_.receive(rest, target, base);
    ASSERT_EQ(expected, target.content);
    if (resume.position > 0) after_resume += referring(rest).to_any;
    transfer_.begin.resume = {};
  }
  if (rounds() < 1000) return;  // too few to see all of it
  EXPECT_GT(to_before, rounds() / 80);
  EXPECT_GT(to_behind, rounds() / 80);
  EXPECT_GT(after_resume, 0U);
}

TEST_F(TransferTest, FullStreamReplacesWhateverWasThere) {
  for (unsigned round = 0; round < rounds() / 4; ++round) {
    const auto seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    dice_.seed(seed);
    SetUp();
    const MemoryFile wire;
    const uint64_t size = transfer_.begin.volume_size;
    const Bytes expected = render(next_, size);
    transfer_.send(expected, wire);
    ASSERT_EQ(expected, transfer_.receive(wire, with_rubbish_behind({}, size)));
    ASSERT_EQ(expected, transfer_.receive(wire, Bytes(size), std::make_unique<EmptyDelta>()));
  }
}

TEST_F(TransferTest, SameSnapshotsGiveTheSameStreamOnAnyNumberOfThreads) {
  make_delta();
  const Bytes expected = render(next_, transfer_.begin.volume_size);
  std::vector<uint64_t> sizes;
  for (const unsigned workers : {0U, 1U, 4U}) {
    const MemoryFile wire;
    transfer_.workers = workers;
    transfer_.send(expected, wire);
    sizes.push_back(wire.size());
  }
  EXPECT_EQ(sizes[0], sizes[1]);
  EXPECT_EQ(sizes[0], sizes[2]);
}

TEST_F(TransferTest, SameSnapshotsGiveTheSameReferencesOnAnyNumberOfThreads) {
  size_t found = 0;
  for (unsigned round = 0; round < 20; ++round) {
    make_volumes(3);
    make_delta();
    transfer_.compression.enabled = true;
    const Bytes expected = render(next_, transfer_.begin.volume_size, moved_contents());
    const Bytes old = render(base_, transfer_.begin.base_size, moved_contents());
    std::vector<Bytes> streams;
    for (const unsigned workers : {0U, 1U, 4U}) {
      const MemoryFile wire;
      transfer_.workers = workers;
      transfer_.send(expected, wire, &old, References::Ahead::first);
      found += referring(wire).to_behind;
      streams.push_back(bytes_of(wire));
    }
    ASSERT_EQ(streams[0], streams[1]);
    ASSERT_EQ(streams[0], streams[2]);
  }
  EXPECT_GT(found, 0U);
}

}  // namespace
}  // namespace bsr
