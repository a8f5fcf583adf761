// What a managed target holds and what waits there, told from LVM's volumes.
#include "bsr-recv/generations.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

const VolumeName kTarget{"vg", "data"};

LogicalVolume volume(const std::string& name, std::vector<std::string> tags,
                     uint64_t size = 1 << 20) {
  LogicalVolume result;
  result.name = {"vg", name};
  result.tags = std::move(tags);
  result.size = size;
  return result;
}

LogicalVolume generation(const std::string& uuid, unsigned number) {
  return volume("data.bsr-" + uuid, {"bsr.target=data", "bsr.uuid=" + uuid, "bsr.size=1048576",
                                     "bsr.number=" + std::to_string(number)});
}

BeginFrame full_of(const std::string& uuid) {
  BeginFrame begin;
  begin.snapshot_id = uuid;
  begin.volume_id = "volume";
  begin.volume_size = 1 << 20;
  return begin;
}

BeginFrame delta_from(const std::string& base, const std::string& uuid) {
  BeginFrame begin = full_of(uuid);
  begin.base_id = base;
  begin.base_size = 1 << 20;
  return begin;
}

LogicalVolume working(const std::string& applying) {
  return volume("data.bsr-recv", {"bsr.target=data", "bsr.applying=" + applying});
}

Waiting::What waits(std::vector<LogicalVolume> volumes, std::optional<BeginFrame> record = {}) {
  return waiting_in(read_target_state(volumes, kTarget), std::move(record)).what;
}

constexpr SourceState kState = {std::byte{0x0a}, std::byte{0xb0}};

/// As generation(), with the state of its snapshot.
LogicalVolume known_generation(const std::string& uuid, unsigned number) {
  LogicalVolume volume = generation(uuid, number);
  volume.tags.push_back(state_tag(kState));
  return volume;
}

TEST(Generations, KeepTheStateOfTheirSnapshotInATag) {
  EXPECT_EQ("bsr.state=0ab00000000000000000000000000000", state_tag(kState));
  const TargetState state =
      read_target_state({known_generation("a", 1), generation("b", 2)}, kTarget);
  EXPECT_EQ(kState, state.generations[0].state);
  EXPECT_EQ(SourceState{}, state.generations[1].state);

  BeginFrame begin = full_of("c");
  const auto has_state = [&] {
    return std::ranges::count(generation_tags(state, begin), state_tag(kState)) == 1;
  };
  EXPECT_FALSE(has_state());
  begin.set_states(kState, {});
  EXPECT_TRUE(has_state());
}

TEST(Generations, WithAStateThatCannotBeAreRefused) {
  for (const char* const text :
       {"", "0", "xyz", "0ab0000000000000000000000000000", "0ab00000000000000000000000000000aa",
        "0ab0000000000000000000000000000g", "-1b00000000000000000000000000000"}) {
    LogicalVolume volume = generation("a", 1);
    volume.tags.push_back(std::string("bsr.state=") + text);
    EXPECT_EQ(ErrorKind::failed,
              kind_thrown_by([&] { (void)read_target_state({volume}, kTarget); }))
        << text;
  }
}

TEST(Generations, AreOrderedByTheirNumberAndNotByName) {
  const TargetState state =
      read_target_state({generation("c", 1), generation("a", 3), generation("b", 2)}, kTarget);
  ASSERT_EQ(3U, state.generations.size());
  EXPECT_EQ("c", state.generations[0].uuid);
  EXPECT_EQ("a", state.newest()->uuid);
}

TEST(Generations, TheNewestOfASnapshotStandsForIt) {
  const TargetState state =
      read_target_state({generation("a", 1), generation("b", 2), generation("b", 3)}, kTarget);
  EXPECT_EQ(state.newest(), state.find("b"));
  EXPECT_EQ(&state.generations[0], state.base_of(delta_from("a", "c")));
  EXPECT_EQ(state.newest(), state.base_of(delta_from("content:0123", "a")));
  EXPECT_EQ(nullptr, state.base_of(full_of("c")));
}

TEST(WaitingInAWorkingCopy, IsNothingWithoutATag) {
  using enum Waiting::What;
  EXPECT_EQ(nothing, waits({generation("a", 1)}));
  EXPECT_EQ(nothing, waits({generation("a", 1), volume("data.bsr-recv", {"bsr.target=data"})}));
}

TEST(WaitingInAWorkingCopy, IsATagWhenItsGenerationIsThere) {
  using enum Waiting::What;
  EXPECT_EQ(committed, waits({generation("a", 1), working("a#1")}));
  EXPECT_EQ(half, waits({generation("a", 1), working("a#2")}));
  EXPECT_EQ(half, waits({working("a#1")}));
  EXPECT_EQ(half, waits({generation("a", 1), working("a")}));  // not as we write it
  EXPECT_EQ(half, waits({generation("a", 1), working("a#b")}));
}

/// The generation that the same content once led to is another one.
TEST(WaitingInAWorkingCopy, IsHalfOfAResyncUntilItsOwnGenerationIsThere) {
  using enum Waiting::What;
  LogicalVolume repaired = generation("b", 3);
  repaired.tags.emplace_back("bsr.base=content:01");
  EXPECT_EQ(half_resync, waits({generation("a", 2), working("content:01#3")}));
  EXPECT_EQ(committed, waits({repaired, working("content:01#3")}));
  EXPECT_EQ(half_resync, waits({repaired, working("content:01#4")}));
}

TEST(WaitingInAWorkingCopy, IsResumableWithARecordOfIt) {
  using enum Waiting::What;
  BeginFrame record = delta_from("a", "b");
  const std::vector<LogicalVolume> volumes = {generation("a", 1), working("b#2")};
  EXPECT_EQ(half, waits(volumes, record));  // it has come nowhere
  record.resume.position = 512;
  EXPECT_EQ(resumable, waits(volumes, record));
  EXPECT_EQ(half, waits({generation("a", 1), working("c#2")}, record));
  EXPECT_EQ(committed, waits({generation("b", 2), working("b#2")}, record));
  EXPECT_EQ(nothing, waits({generation("a", 1)}, record));
}

TEST(WaitingInAWorkingCopy, IsCalledByWhatItBecomes) {
  EXPECT_EQ("bsr.applying=b#7", applying_tag(delta_from("a", "b"), 7));
  EXPECT_EQ("bsr.applying=content:01#7", applying_tag(delta_from("content:01", "b"), 7));
  EXPECT_EQ("bsr.applying=b#7", applying_tag(read_target_state({working("b#7")}, kTarget)));
}

TEST(Generations, AreNotOurVolumesOfOtherTargetsOrWithoutTags) {
  const TargetState state = read_target_state(
      {volume("data.bsr-20260101T000000Z", {}), volume("data.bsr-recv", {}),
       volume("other.bsr-1", {"bsr.target=other", "bsr.uuid=x", "bsr.size=1", "bsr.number=1"})},
      kTarget);
  EXPECT_TRUE(state.generations.empty());
  EXPECT_FALSE(state.working);
  EXPECT_FALSE(state.name_taken);
}

TEST(Generations, RefuseTagsThatContradictTheVolume) {
  for (const char* tag :
       {"bsr.number=x", "bsr.number=", "bsr.size=99999999999999999999", "bsr.size=2097152"}) {
    std::vector<std::string> tags = {tag, "bsr.target=data", "bsr.uuid=a", "bsr.size=1",
                                     "bsr.number=1"};
    EXPECT_TRUE(error_thrown_by([&] { return read_target_state({volume("g", tags)}, kTarget); }))
        << tag;
  }
}

TEST(GenerationName, IsTheTimeOfTheSnapshotInUtcAndNeverTaken) {
  const std::string first = generation_name({}, kTarget, 1'767'225'600);
  EXPECT_EQ("data.bsr-20260101T000000Z", first);
  EXPECT_EQ(first + "-2", generation_name({volume(first, {})}, kTarget, 1'767'225'600));
  EXPECT_EQ(first + "-3",
            generation_name({volume(first, {}), volume(first + "-2", {})}, kTarget, 1'767'225'600));
}

TEST(GenerationTags, CarryLineageAndTheNextNumber) {
  const TargetState state = read_target_state({generation("a", 7)}, kTarget);
  const std::vector<std::string> tags = generation_tags(state, delta_from("a", "b"));
  for (const char* tag : {"bsr.target=data", "bsr.uuid=b", "bsr.base=a", "bsr.volume=volume",
                          "bsr.size=1048576", "bsr.number=8"})
    EXPECT_NE(tags.end(), std::ranges::find(tags, tag)) << tag;
}

TEST(GenerationTags, RefuseIdentitiesThatAreNoTags) {
  const auto error = error_thrown_by(
      [] { return generation_tags(read_target_state({}, kTarget), full_of("a,b")); });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::unsupported, error->kind());
}

}  // namespace
}  // namespace bsr
