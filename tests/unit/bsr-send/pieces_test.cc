// Reads under way when one fails.
#include "bsr-send/pieces.h"

#include <gtest/gtest.h>

#include <vector>

#include "base/error.h"
#include "tests/fakes/thrown_error.h"
#include "tests/fakes/whole_volume.h"

namespace bsr {
namespace {

constexpr uint64_t kSize = 1 << 20;

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
