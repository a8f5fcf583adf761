// Random histories of a pool: a base whose state is what it was turns into any other device as the
// delta says, whatever was done to it since; and one that nobody touched keeps its state.
#include <gtest/gtest.h>

#include <cstdlib>
#include <random>

#include "platform/delta_engine.h"
#include "platform/process.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thin_pool_model.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

constexpr uint64_t kChunk = 64 << 10;
constexpr uint64_t kBlocks = 10;
using Content = ThinPoolModel::Content;
using Shape = ThinMetadataBuilder::Shape;

/// A snapshot as it was when it was sent.
struct Sent {
  uint64_t id;
  uint64_t size;  // blocks
  SourceState state;
  Content content;  // below its size
  bool touched = false;
};

Content below(const Content& content, uint64_t size) {
  return {content.begin(), content.lower_bound(size)};
}

class History {
 public:
  explicit History(uint64_t seed) : dice_(seed) {
    pool_.create_thin(0);
    for (int i = 0; i < 4; ++i) write(0);
  }

  void step() {
    const std::vector<uint64_t> ids = pool_.ids();
    const uint64_t id = ids[roll(ids.size())];
    switch (roll(9)) {
      case 0:
      case 1:
      case 2:
        return write(id);
      case 3:
        pool_.discard(id, roll(kBlocks));
        return touch(id);
      case 4:
      case 5:
        return snapshot(roll(kIds), id);
      case 6:
        return send(id);
      case 7:
        if (ids.size() > 2) remove(id);
        return;
      case 8:
        return pool_.next_transaction();
    }
  }

  [[nodiscard]] const ThinPoolModel& pool() const { return pool_; }
  [[nodiscard]] const std::vector<Sent>& sent() const { return sent_; }
  uint64_t roll(uint64_t below) { return dice_() % below; }
  Shape shape() {
    return {.fanout = 2 + roll(4),
            .share = roll(3) != 0,
            .copied = roll(2) == 0 ? 0U : 20U,
            .salt = roll(4)};
  }

 private:
  static constexpr uint64_t kIds = 6;

  void write(uint64_t id) {
    pool_.write(id, roll(kBlocks), 1 + dice_() % 1000000);
    touch(id);
  }
  /// Also over one that is there: its thin id comes back, perhaps in the same transaction.
  void snapshot(uint64_t id, uint64_t origin) {
    if (id == origin) return;
    if (pool_.has(id)) remove(id);
    pool_.create_snap(id, origin);
  }
  void remove(uint64_t id) {
    pool_.remove(id);
    touch(id);
  }
  void send(uint64_t id) {
    ThinMetadataImage image = pool_.metadata(shape()).finish();
    const ThinMetadata metadata(image, MetadataState::current);
    const uint64_t size = 1 + roll(kBlocks);
    sent_.push_back({id, size, device_state(metadata, id).state, below(pool_.content(id), size)});
  }
  void touch(uint64_t id) {
    for (Sent& sent : sent_)
      if (sent.id == id) sent.touched = true;
  }

  std::mt19937_64 dice_;
  ThinPoolModel pool_;
  std::vector<Sent> sent_;
};

struct Answer {
  SourceStates states;
  std::vector<DeltaExtent> extents;
};

Answer ask(DeltaEngine engine, const MappingPlace& place, std::optional<uint64_t> base,
           uint64_t target, uint64_t base_size, uint64_t target_size) {
  Answer answer;
  const auto source = open_delta(engine, place, base, target, kChunk, base_size * kChunk,
                                 target_size * kChunk, &answer.states);
  while (const auto extent = source->next()) answer.extents.push_back(*extent);
  return answer;
}

Content applied(const std::vector<DeltaExtent>& extents, Content content, uint64_t base_size,
                uint64_t target_size, const Content& target) {
  content = below(content, std::min(base_size, target_size));
  for (const DeltaExtent& extent : extents)
    for (uint64_t block = extent.extent.offset / kChunk; block < extent.extent.end() / kChunk;
         ++block) {
      EXPECT_LT(block, target_size);
      content.erase(block);
      if (extent.kind == DeltaKind::data) content[block] = target.at(block);
    }
  return content;
}

struct Tally {
  int moved = 0;
  int same = 0;
  int same_though_touched = 0;
};

/// All that was sent, as the base of all that is there.
void check(History& history, Tally& tally) {
  ThinMetadataImage image = history.pool().metadata(history.shape(), history.roll(2) == 0).finish();
  const ThinMetadata metadata(image, MetadataState::current);
  const MappingPlace place = {"memory", false, &metadata};
  for (const Sent& base : history.sent()) {
    if (!history.pool().has(base.id)) continue;
    ASSERT_TRUE(base.touched || device_state(metadata, base.id).state == base.state);
    for (const uint64_t id : history.pool().ids()) {
      const uint64_t size = 1 + history.roll(kBlocks);
      const Content target = below(history.pool().content(id), size);
      const Answer full = ask(DeltaEngine::native, place, std::nullopt, id, 0, size);
      ASSERT_EQ(device_state(metadata, id), full.states.target);
      if (id == base.id) continue;
      const Answer change = ask(DeltaEngine::native, place, base.id, id, base.size, size);
      ASSERT_EQ(device_state(metadata, id), change.states.target);
      ASSERT_EQ(device_state(metadata, base.id), change.states.base);
      if (change.states.base->state != base.state) {
        ++tally.moved;
        continue;
      }
      ++(base.touched ? tally.same_though_touched : tally.same);
      ASSERT_EQ(target, applied(change.extents, base.content, base.size, size, target));
    }
  }
}

int rounds() {
  const char* text = std::getenv("BSR_PROPERTY_ROUNDS");
  return text == nullptr ? 300 : std::atoi(text);
}

TEST(MovedSource, IsSeenOrIsSentRight) {
  Tally tally;
  for (int round = 0; round < rounds(); ++round) {
    SCOPED_TRACE(round);
    History history(20261127 + static_cast<uint64_t>(round));
    for (int i = 0; i < 60; ++i) {
      history.step();
      if (i % 10 == 9) check(history, tally);
      if (HasFatalFailure()) return;
    }
  }
  EXPECT_GT(tally.moved, rounds());
  EXPECT_GT(tally.same, rounds());
  EXPECT_GT(tally.same_though_touched, rounds() / 10);
}

/// The base's own mappings that a snapshot of it shares are named whoever finds the other changes.
TEST(MovedSource, IsFoundByEveryEngine) {
  if (error_thrown_by([] { run({"thin_delta", "--version"}); }))
    GTEST_SKIP() << "thin-provisioning-tools are not installed";
  const TemporaryFolder folder;
  int with_own = 0;
  for (uint64_t round = 0; round < 20; ++round) {
    SCOPED_TRACE(round);
    History history(round);
    for (int i = 0; i < 40; ++i) history.step();
    ThinMetadataBuilder builder = history.pool().metadata({});
    builder.hold_metadata_snapshot();  // thin_delta reads images without space maps only so
    const MappingPlace place = {folder.write("metadata", builder.finish().bytes()), true};
    const std::vector<uint64_t> ids = history.pool().ids();
    for (const uint64_t base_size : {kBlocks, kBlocks / 2}) {
      const Answer native = ask(DeltaEngine::native, place, ids[0], ids[1], base_size, kBlocks - 2);
      for (const DeltaEngine engine : {DeltaEngine::thin_tools, DeltaEngine::check}) {
        const Answer other = ask(engine, place, ids[0], ids[1], base_size, kBlocks - 2);
        ASSERT_EQ(native.states.base, other.states.base);
        ASSERT_EQ(native.states.target, other.states.target);
      }
      if (native.states.base->own_blocks > 0) ++with_own;
    }
  }
  EXPECT_GT(with_own, 5);
}

}  // namespace
}  // namespace bsr
