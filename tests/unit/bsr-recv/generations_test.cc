// What a managed target holds, told from LVM's volumes, and which streams may continue it.
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

std::optional<ErrorKind> refusal(const TargetState& state, const BeginFrame& begin,
                                 bool rollback = false) {
  const auto error = error_thrown_by([&] { check_lineage(state, begin, rollback); });
  return error ? std::optional(error->kind()) : std::nullopt;
}

TEST(Generations, AreOrderedByTheirNumberAndNotByName) {
  const TargetState state =
      read_target_state({generation("c", 1), generation("a", 3), generation("b", 2)}, kTarget);
  ASSERT_EQ(3U, state.generations.size());
  EXPECT_EQ("c", state.generations[0].uuid);
  EXPECT_EQ("a", state.newest()->uuid);
}

TEST(Lineage, ARollbackMayGoBackToAnyGenerationAndToNothingElse) {
  const TargetState state =
      read_target_state({generation("a", 1), generation("b", 2), generation("c", 3)}, kTarget);

  EXPECT_EQ(ErrorKind::diverged, refusal(state, delta_from("b", "d")));
  EXPECT_EQ(std::nullopt, refusal(state, delta_from("b", "d"), true));
  EXPECT_EQ(std::nullopt, refusal(state, delta_from("c", "d"), true));
  EXPECT_EQ(ErrorKind::base, refusal(state, delta_from("x", "d"), true));
  EXPECT_EQ(ErrorKind::base, refusal(state, full_of("d"), true));
}

TEST(Lineage, AResyncGoesOnFromTheNewestGenerationWhateverItIsCalled) {
  const BeginFrame resync = delta_from("content:0123", "a");
  EXPECT_EQ(ErrorKind::base, refusal(read_target_state({}, kTarget), resync));
  const TargetState state = read_target_state({generation("a", 1), generation("b", 2)}, kTarget);
  EXPECT_EQ(std::nullopt, refusal(state, resync));  // of an older snapshot too
  EXPECT_EQ(state.newest(), state.base_of(resync));
  EXPECT_EQ(&state.generations[0], state.base_of(delta_from("a", "b")));
  EXPECT_EQ(nullptr, state.base_of(full_of("c")));
  const TargetState taken = read_target_state({generation("a", 1), volume("data", {})}, kTarget);
  EXPECT_EQ(ErrorKind::diverged, refusal(taken, resync));
}

TEST(Generations, ARepairedOneStandsForItsSnapshot) {
  const TargetState state =
      read_target_state({generation("a", 1), generation("b", 2), generation("b", 3)}, kTarget);
  EXPECT_EQ(state.newest(), state.find("b"));
  EXPECT_EQ(std::nullopt, refusal(state, delta_from("b", "c")));
  EXPECT_EQ(std::nullopt, refusal(state, delta_from("a", "b")));  // it is here
}

TEST(Lineage, AfterAnInterruptedResyncOnlyAResyncOrARollbackGoesOn) {
  const auto working = [](const std::string& applying) {
    return volume("data.bsr-recv", {"bsr.target=data", "bsr.applying=" + applying});
  };
  const TargetState half =
      read_target_state({generation("a", 1), generation("b", 2), working("content:01")}, kTarget);
  EXPECT_TRUE(half.is_half());
  EXPECT_EQ(ErrorKind::diverged, refusal(half, delta_from("b", "c")));
  EXPECT_EQ(std::nullopt, refusal(half, delta_from("b", "c"), true));
  EXPECT_EQ(std::nullopt, refusal(half, delta_from("content:02", "b")));
  EXPECT_EQ(std::nullopt, refusal(half, delta_from("a", "b")));  // it is here

  LogicalVolume repaired = generation("b", 3);
  repaired.tags.emplace_back("bsr.base=content:01");
  const TargetState done = read_target_state(
      {generation("a", 1), generation("b", 2), repaired, working("content:01")}, kTarget);
  EXPECT_FALSE(done.is_half());  // only the tag was left to go
  EXPECT_EQ(std::nullopt, refusal(done, delta_from("b", "c")));

  EXPECT_FALSE(read_target_state({generation("a", 1), working("a")}, kTarget).is_half());
  EXPECT_TRUE(read_target_state({generation("a", 1), working("b")}, kTarget).is_half());
  EXPECT_TRUE(read_target_state({working("content:01")}, kTarget).is_half());
}

TEST(Generations, AWorkingCopyThatIsToRepairOneIsNotTakenForIt) {
  EXPECT_EQ("b", applying_name(delta_from("a", "b")));
  EXPECT_EQ("content:0123", applying_name(delta_from("content:0123", "b")));
  EXPECT_EQ("b", applying_name(full_of("b")));
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

TEST(Generations, KnowWhatTheWorkingCopyWasBeingMadeInto) {
  const TargetState clean =
      read_target_state({volume("data.bsr-recv", {"bsr.target=data"})}, kTarget);
  ASSERT_TRUE(clean.working);
  EXPECT_EQ("", clean.applying);
  const TargetState half =
      read_target_state({volume("data.bsr-recv", {"bsr.target=data", "bsr.applying=b"})}, kTarget);
  EXPECT_EQ("b", half.applying);
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

TEST(Lineage, LetsFullStreamsIntoEmptyTargetsOnly) {
  EXPECT_EQ(std::nullopt, refusal(read_target_state({}, kTarget), full_of("a")));
  EXPECT_EQ(ErrorKind::base,
            refusal(read_target_state({generation("a", 1)}, kTarget), full_of("b")));
}

TEST(Lineage, LetsAChangeToTheNewestGenerationIn) {
  const TargetState state = read_target_state({generation("a", 1), generation("b", 2)}, kTarget);
  EXPECT_EQ(std::nullopt, refusal(state, delta_from("b", "c")));
  EXPECT_EQ(ErrorKind::diverged, refusal(state, delta_from("a", "c")));
  EXPECT_EQ(ErrorKind::base, refusal(state, delta_from("x", "c")));
  EXPECT_EQ(ErrorKind::base, refusal(read_target_state({}, kTarget), delta_from("a", "b")));
}

TEST(Lineage, LetsARepetitionThrough) {
  const TargetState state = read_target_state({generation("a", 1), generation("b", 2)}, kTarget);
  EXPECT_EQ(std::nullopt, refusal(state, full_of("a")));
  EXPECT_EQ(std::nullopt, refusal(state, delta_from("a", "b")));
}

TEST(Lineage, RefusesABaseOfAnotherSize) {
  BeginFrame begin = delta_from("a", "b");
  begin.base_size = 2 << 20;
  EXPECT_EQ(ErrorKind::base, refusal(read_target_state({generation("a", 1)}, kTarget), begin));
}

TEST(Lineage, RefusesATargetWhoseNameIsTaken) {
  EXPECT_EQ(ErrorKind::diverged,
            refusal(read_target_state({volume("data", {})}, kTarget), full_of("a")));
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
