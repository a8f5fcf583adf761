// What is packed against the base, and reads under way when one fails.
#include "bsr-send/pieces.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/error.h"
#include "tests/fakes/listed_plan.h"
#include "tests/fakes/memory_volume.h"
#include "tests/fakes/random_bytes.h"
#include "tests/fakes/thrown_error.h"
#include "tests/fakes/whole_volume.h"

namespace bsr {
namespace {

constexpr uint64_t kSize = 1 << 20;
constexpr uint64_t kChunk = 64 << 10;

class BrokenVolume final : public VolumeReader {
 public:
  void read(uint64_t, std::span<std::byte>) override {}
  void finish() override { fail(ErrorKind::failed, "disk broke"); }
};

/// Fills memory as late as it may.
class LateVolume final : public VolumeReader {
 public:
  void read(uint64_t, std::span<std::byte>) override {}
  void start(uint64_t, std::span<std::byte> into) override { under_way_.push_back(into); }
  void abandon() override {
    for (const auto into : under_way_) std::ranges::fill(into, std::byte{1});
    abandoned += under_way_.size();
    under_way_.clear();
  }

  size_t abandoned = 0;

 private:
  std::vector<std::span<std::byte>> under_way_;
};

/// What becomes patches, where everything in `part` was written anew.
uint64_t packed_against(const Bytes& base, Extent part) {
  ListedPlan plan({{part, DeltaKind::data}});
  MemoryVolume volume(random_bytes(kSize));
  MemoryVolume older(base);
  PieceReader pieces(plan, volume, {&older, base.size()});
  uint64_t packed = 0;
  uint64_t all = 0;
  while (const std::optional<Cut> cut = pieces.next()) {
    const auto* patch = std::get_if<PatchDraft>(&cut->body);
    if (patch != nullptr) packed += total_length(patch->extents);
    all += cut->plan_data;
  }
  EXPECT_EQ(part.length, all);
  return packed;
}

TEST(PieceReader, PacksNothingAgainstZeros) {
  Bytes base(kSize);
  EXPECT_EQ(0U, packed_against(base, {0, kSize}));
  for (const uint64_t at : {uint64_t{0}, 3 * kChunk - 1, 7 * kChunk + 5000, kSize - 1}) {
    std::ranges::fill(base, std::byte{0});
    base[at] = std::byte{1};
    EXPECT_EQ(kChunk, packed_against(base, {0, kSize})) << at;
    const uint64_t chunk = at / kChunk * kChunk;
    EXPECT_EQ(kChunk, packed_against(base, {chunk, kSize - chunk})) << at;
    EXPECT_EQ(0U, packed_against(base, {chunk + kChunk, kSize - chunk - kChunk})) << at;
  }
}

/// A chunk of which only a part was planned, and a base that ends within one.
TEST(PieceReader, PacksPartsOfChunks) {
  Bytes base(kSize);
  base[3 * kChunk - 1] = std::byte{1};
  const uint64_t within = 2 * kChunk + kChunk / 2;
  EXPECT_EQ(kChunk / 2, packed_against(base, {within, kSize - within}));
  EXPECT_EQ(kChunk / 4, packed_against(base, {within + kChunk / 4, kChunk / 4}));
  for (const uint64_t at : {3 * kChunk + 5, 4 * kChunk - 1}) {
    Bytes behind(kSize);
    behind[at] = std::byte{1};
    EXPECT_EQ(kChunk, packed_against(behind, {within, kSize - within})) << at;
  }
  base.resize(3 * kChunk - kChunk / 4);
  base.back() = std::byte{1};
  EXPECT_EQ(kChunk * 3 / 4, packed_against(base, {0, kSize}));
}

/// Under AddressSanitizer this fails when memory goes before its read was abandoned.
TEST(PieceReader, KeepsMemoryUntilNothingIsReadIntoIt) {
  WholeVolume plan(kSize);
  BrokenVolume volume;
  LateVolume base;
  {
    PieceReader pieces(plan, volume, {&base, kSize});
    EXPECT_TRUE(error_thrown_by([&] { pieces.next(); }));
  }
  EXPECT_EQ(kSize / kPieceContent, base.abandoned);
}

}  // namespace
}  // namespace bsr
