// What a target holds after a session that was cut and one that went on.
#include "bsr-recv/applier.h"

#include <gtest/gtest.h>

#include "tests/fakes/memory_volume.h"

namespace bsr {
namespace {

TEST(Applier, ACheckpointVouchesForWhatIsZeroBelowIt) {
  constexpr uint64_t kSize = 64 * 1024;
  MemoryVolume target(Bytes(kSize, std::byte{0xee}));
  BeginFrame begin;
  begin.volume_size = kSize;
  const auto no_base = []() -> VolumeReader& { throw std::logic_error("there is none"); };
  Applier first(target, begin, false, no_base);
  first.apply(DataFrame{{{0, 4096}}, AlignedBytes(4096, std::byte{1})});
  first.apply(CheckpointFrame{32 * 1024, {}});

  begin.resume.position = 32 * 1024;
  Applier second(target, begin, false, no_base);
  second.finish();
  Bytes expected(kSize, std::byte{0});
  std::fill_n(expected.begin(), 4096, std::byte{1});
  EXPECT_EQ(expected, target.content);
}

}  // namespace
}  // namespace bsr
