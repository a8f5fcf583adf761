// The law of the project: apply(base, delta(base, next)) == next, for random thin devices of any
// two sizes, through the real plan, pipeline, wire format and applier.
#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <random>

#include "bsr-recv/applier.h"
#include "bsr-send/plan.h"
#include "bsr-send/stream_writer.h"
#include "platform/delta_engine.h"
#include "platform/frame_source.h"
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

const Bytes& content_of(uint64_t data_block) {
  static const auto contents = [] {
    std::array<Bytes, kDataBlocks> made;
    for (uint64_t i = 0; i < kDataBlocks; ++i) made.at(i) = make_content(i);
    return made;
  }();
  return contents.at(data_block);
}

Bytes render(const MappingValues& mappings, uint64_t size) {
  Bytes bytes(kBlocks * kChunk);
  for (const auto& [block, value] : mappings)
    if (block < kBlocks)
      std::ranges::copy(content_of(value >> 24),
                        bytes.begin() + static_cast<std::ptrdiff_t>(block * kChunk));
  bytes.resize(size);
  return bytes;
}

struct Transfer {
  std::string metadata_path;
  BeginFrame begin;
  unsigned workers = 0;
  Compression compression;

  /// The stream that turns the base, if there is one, into `next`; in patches against `old`, if
  /// that is given.
  void send(const Bytes& next, const MemoryFile& wire, const Bytes* old = nullptr) {
    const std::optional<uint64_t> base = begin.is_full() ? std::nullopt : std::optional(kBase);
    const auto delta = open_delta(DeltaEngine::native, {metadata_path, false}, base, kNext, kChunk,
                                  begin.base_size, begin.volume_size);
    Plan plan(*delta, kChunk);
    begin.plan_data = plan.data_bytes();
    Plan::Reader extents(plan);
    MemoryVolume volume(next);
    std::optional<MemoryVolume> base_volume;
    PieceBase piece_base;
    if (old != nullptr) piece_base = {&base_volume.emplace(*old), begin.base_size};
    PieceReader pieces(extents, volume, piece_base);
    StreamWriter writer(FdOutput(wire.fd()), begin, [](uint64_t, uint64_t) {});
    Effort effort({.compression = compression}, workers);
    ship(pieces, writer, effort, workers);
    writer.finish();
  }

  /// What a target that held `old` holds afterwards.
  Bytes receive(const MemoryFile& wire, Bytes old, bool starts_empty) const {
    wire.rewind();
    FdInput input(wire.fd());
    const StreamStart start(input);
    const auto frames = open_format1(input, start, {});
    MemoryVolume target(std::move(old));
    Applier applier(target, begin, starts_empty, [&]() -> VolumeReader& { return target; });
    while (std::optional<Frame> frame = frames->next()) applier.apply(std::move(frame->body));
    applier.finish();
    EXPECT_GE(target.flushes, 1U);
    return std::move(target.content);
  }
};

unsigned rounds() {
  const char* text = std::getenv("BSR_PROPERTY_ROUNDS");  // NOLINT(concurrency-mt-unsafe)
  return text == nullptr ? 2000 : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

class TransferTest : public testing::Test {
 protected:
  void SetUp() override {
    const ThinMetadataBuilder::Shape shape{.fanout = 3, .salt = dice_()};
    ThinMetadataBuilder builder(shape, kDataBlocks);
    base_ = random_mappings(dice_, kBlocks, kDataBlocks);
    next_ = base_;
    mutate(next_, dice_, kBlocks, kDataBlocks);
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
    ASSERT_EQ(expected, transfer_.receive(wire, std::move(old), false));
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
    ASSERT_EQ(expected, transfer_.receive(wire, std::move(old), false));
  }
  EXPECT_GT(patched, rounds() / 8);
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
    ASSERT_EQ(expected, transfer_.receive(wire, with_rubbish_behind({}, size), false));
    ASSERT_EQ(expected, transfer_.receive(wire, Bytes(size), true));
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

}  // namespace
}  // namespace bsr
