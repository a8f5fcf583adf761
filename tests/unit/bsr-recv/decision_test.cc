// What is done with a stream, row by row: kind of stream, what waits, what the target holds.
#include "bsr-recv/decision.h"

#include <gtest/gtest.h>

namespace bsr {
namespace {

using What = Waiting::What;

constexpr uint64_t kSize = 1 << 20;
const VolumeName kTarget{"vg", "data"};
const Naming kManaged{.target = "vg/data", .arguments = "vg/data", .in_place = false};
const Naming kPlain{.target = "a b", .arguments = "'a b'", .in_place = true};

BeginFrame full_of(const std::string& uuid) {
  BeginFrame begin;
  begin.snapshot_id = uuid;
  begin.volume_id = "volume";
  begin.volume_size = kSize;
  begin.plan_hash.fill(std::byte{1});
  return begin;
}

BeginFrame delta_from(const std::string& base, const std::string& uuid) {
  BeginFrame begin = full_of(uuid);
  begin.base_id = base;
  begin.base_size = kSize;
  return begin;
}

BeginFrame at(uint64_t position, BeginFrame begin) {
  begin.resume.position = position;
  return begin;
}

Waiting resumable(const BeginFrame& begin) { return {What::resumable, begin}; }
constexpr Waiting (*half)(const BeginFrame&) = begun;

/// What was decided, as text: an action, or the kind of the refusal.
std::string name_of(const Verdict& verdict) {
  if (const auto* refused = std::get_if<Error>(&verdict)) return std::string(id(refused->kind()));
  switch (std::get<Action>(verdict)) {
    case Action::acknowledge:
      return "acknowledge";
    case Action::start:
      return "start";
    case Action::carry_on:
      return "carry on";
  }
  return "";
}

std::string text_of(const Verdict& verdict) { return std::get<Error>(verdict).what(); }

TargetState generations(const std::vector<std::string>& uuids) {
  TargetState state;
  state.target = kTarget;
  for (const std::string& uuid : uuids) {
    Generation generation;
    generation.volume.name = {"vg", "data.bsr-" + uuid};
    generation.uuid = uuid;
    generation.size = kSize;
    generation.number = state.next_number();
    state.generations.push_back(generation);
  }
  return state;
}

Verdict managed(const TargetState& state, const Waiting& waiting, const BeginFrame& begin,
                bool rollback = false) {
  return decide(begin, kManaged, waiting, ManagedFacts{state, rollback});
}

struct Row {
  BeginFrame begin;
  Waiting waiting;
  const char* expected;
  const char* with_rollback;
};

void expect_rows(const TargetState& state, const std::vector<Row>& rows) {
  for (size_t i = 0; i < rows.size(); ++i) {
    EXPECT_EQ(rows[i].expected, name_of(managed(state, rows[i].waiting, rows[i].begin))) << i;
    EXPECT_EQ(rows[i].with_rollback, name_of(managed(state, rows[i].waiting, rows[i].begin, true)))
        << i;
  }
}

const BeginFrame kResync = delta_from("content:01", "c");

TEST(ManagedDecision, OfANewTarget) {
  const BeginFrame full = full_of("a");
  expect_rows(generations({}),
              {
                  {full, {}, "start", "start"},
                  {delta_from("a", "b"), {}, "base", "base"},
                  {kResync, {}, "base", "base"},
                  {at(512, full), {}, "base", "base"},
                  {full, half(full), "start", "start"},
                  {full, half(full_of("b")), "start", "start"},
                  {at(512, full), half(full), "base", "base"},
                  {full, resumable(at(512, full)), "base", "base"},
                  {full_of("b"), resumable(at(512, full)), "base", "base"},
                  {at(512, full), resumable(at(512, full)), "carry on", "carry on"},
                  {at(1024, full), resumable(at(512, full)), "base", "base"},
                  {at(512, full_of("b")), resumable(at(512, full)), "base", "base"},
              });
}

TEST(ManagedDecision, WhereNothingWaits) {
  expect_rows(generations({"a", "b"}),
              {
                  {full_of("c"), {}, "base", "base"},
                  {delta_from("b", "c"), {}, "start", "start"},
                  {delta_from("a", "c"), {}, "diverged", "start"},
                  {delta_from("x", "c"), {}, "base", "base"},
                  {kResync, {}, "start", "start"},
                  {at(512, delta_from("b", "c")), {}, "base", "base"},
                  // It is here already.
                  {full_of("a"), {}, "acknowledge", "acknowledge"},
                  {delta_from("a", "b"), {}, "acknowledge", "acknowledge"},
                  {at(512, delta_from("a", "b")), {}, "acknowledge", "acknowledge"},
                  // But perhaps damaged.
                  {delta_from("content:01", "b"), {}, "start", "start"},
                  // Only a tag is left of the session before.
                  {delta_from("b", "c"), {What::committed, {}}, "start", "start"},
                  {delta_from("a", "b"), {What::committed, {}}, "acknowledge", "acknowledge"},
              });
}

TEST(ManagedDecision, WhereAPartWaits) {
  const BeginFrame change = delta_from("b", "c");
  const Waiting waiting = resumable(at(512, change));
  expect_rows(generations({"a", "b"}),
              {
                  {change, waiting, "base", "base"},
                  {at(512, change), waiting, "carry on", "carry on"},
                  {at(1024, change), waiting, "base", "base"},
                  {at(512, delta_from("b", "d")), waiting, "base", "base"},
                  {at(512, delta_from("a", "c")), waiting, "base", "base"},
                  {delta_from("b", "d"), waiting, "base", "base"},
                  {delta_from("a", "d"), waiting, "diverged", "base"},
                  {kResync, waiting, "base", "base"},
                  {full_of("d"), waiting, "base", "base"},
                  {delta_from("a", "b"), waiting, "acknowledge", "acknowledge"},
                  // Without a record.
                  {change, half(change), "start", "start"},
                  {at(512, change), half(change), "base", "base"},
                  {kResync, half(change), "start", "start"},
              });
}

/// What it goes on from was decided when it began.
TEST(ManagedDecision, ARollbackIsContinuedWithoutSayingSoAgain) {
  const BeginFrame back = at(512, delta_from("a", "c"));
  expect_rows(generations({"a", "b"}), {{back, resumable(back), "carry on", "carry on"}});
  expect_rows(generations({"b"}), {{back, resumable(back), "base", "base"}});
  EXPECT_NE(std::string::npos, text_of(managed(generations({"b"}), resumable(back), back))
                                   .find("\n  bsr-recv -A vg/data\n"));
}

TEST(ManagedDecision, WhereHalfAResyncWaits) {
  const Waiting waiting = half(kResync);
  expect_rows(generations({"a", "b"}),
              {
                  {delta_from("b", "c"), waiting, "diverged", "start"},
                  {full_of("c"), waiting, "diverged", "base"},
                  {at(512, delta_from("b", "c")), waiting, "diverged", "base"},
                  {kResync, waiting, "start", "start"},
                  {delta_from("content:02", "d"), waiting, "start", "start"},
                  {delta_from("a", "b"), waiting, "acknowledge", "acknowledge"},
              });
  EXPECT_NE(std::string::npos, text_of(managed(generations({"b"}), waiting, delta_from("b", "c")))
                                   .find("\n  bsr-recv -A vg/data"));
}

TEST(ManagedDecision, ABaseOfAnotherSizeIsNone) {
  const TargetState state = generations({"a"});
  BeginFrame begin = delta_from("a", "b");
  begin.base_size = 2 * kSize;
  EXPECT_EQ("base", name_of(managed(state, {}, begin)));
  begin.base_size = kSize / 2;
  EXPECT_EQ("base", name_of(managed(state, {}, begin)));
  begin.resume.position = 512;
  EXPECT_EQ("base", name_of(managed(state, resumable(begin), begin)));
  BeginFrame resync = delta_from("content:01", "b");
  resync.base_size = 2 * kSize;  // it is read
  EXPECT_EQ("start", name_of(managed(state, {}, resync)));
}

TEST(ManagedDecision, ATargetWhoseNameIsTakenTakesNothing) {
  TargetState state = generations({"a"});
  state.name_taken = true;
  for (const BeginFrame& begin : {full_of("a"), delta_from("a", "b"), kResync})
    for (const bool rollback : {false, true})
      EXPECT_EQ("diverged", name_of(managed(state, {}, begin, rollback)));
}

Verdict plain(const BeginFrame& begin, const Waiting& waiting, std::optional<std::string> base,
              std::optional<uint64_t> size = kSize) {
  return decide(begin, kPlain, waiting, PlainFacts{.size = size, .base = std::move(base)});
}

TEST(PlainDecision, OfWhatTheUserSays) {
  const BeginFrame change = delta_from("a", "b");
  EXPECT_EQ("start", name_of(plain(full_of("a"), {}, {})));
  EXPECT_EQ("usage", name_of(plain(full_of("a"), {}, "a")));
  EXPECT_EQ("base", name_of(plain(change, {}, {})));
  EXPECT_EQ("start", name_of(plain(change, {}, "a")));
  EXPECT_EQ("base", name_of(plain(change, {}, "b")));
  EXPECT_EQ("start", name_of(plain(kResync, {}, {})));
  EXPECT_EQ("base", name_of(plain(at(512, change), {}, "a")));
  EXPECT_EQ("base", name_of(plain(at(512, full_of("a")), {}, {})));
}

TEST(PlainDecision, OfANewFile) {
  const BeginFrame full = full_of("a");
  EXPECT_EQ("start", name_of(plain(full, {}, {}, std::nullopt)));
  EXPECT_EQ("start", name_of(plain(full, half(full), {}, std::nullopt)));
  EXPECT_EQ("base", name_of(plain(full, resumable(at(512, full)), {}, std::nullopt)));
  EXPECT_EQ("carry on", name_of(plain(at(512, full), resumable(at(512, full)), {}, std::nullopt)));
  EXPECT_EQ("base", name_of(plain(delta_from("a", "b"), {}, "a", std::nullopt)));
  EXPECT_EQ("base", name_of(plain(kResync, {}, {}, std::nullopt)));
}

TEST(PlainDecision, WhereAPartWaits) {
  const BeginFrame change = delta_from("a", "b");
  const Waiting waiting = resumable(at(512, change));
  EXPECT_EQ("carry on", name_of(plain(at(512, change), waiting, {})));
  EXPECT_EQ("carry on", name_of(plain(at(512, change), waiting, "a")));
  EXPECT_EQ("base", name_of(plain(at(512, change), waiting, "c")));
  EXPECT_EQ("base", name_of(plain(at(1024, change), waiting, {})));
  EXPECT_EQ("base", name_of(plain(change, waiting, "a")));
  EXPECT_EQ("base", name_of(plain(full_of("c"), waiting, {})));
  EXPECT_EQ("base", name_of(plain(kResync, waiting, {})));
}

TEST(PlainDecision, WhatIsHalfTakesWhatReplacesAllOfIt) {
  const BeginFrame change = delta_from("a", "b");
  for (const Waiting& waiting : {half(delta_from("a", "c")), half(full_of("a")), half(kResync)}) {
    EXPECT_EQ("base", name_of(plain(change, waiting, "a")));
    EXPECT_EQ("start", name_of(plain(full_of("c"), waiting, {})));
    EXPECT_EQ("start", name_of(plain(delta_from("content:02", "c"), waiting, {})));
    EXPECT_EQ("base", name_of(plain(at(512, change), waiting, {})));
  }
  EXPECT_NE(std::string::npos,
            text_of(plain(change, half(full_of("a")), "a")).find("bsr-recv --digests 'a b'"));
}

/// It writes all that the part of it has written.
TEST(PlainDecision, TheSameChangeMayBeginAgain) {
  const BeginFrame change = delta_from("a", "b");
  EXPECT_EQ("start", name_of(plain(change, half(change), "a")));
  EXPECT_EQ("base", name_of(plain(change, half(change), {})));
  BeginFrame other = change;
  other.plan_hash.fill(std::byte{2});
  EXPECT_EQ("base", name_of(plain(other, half(change), "a")));
  BeginFrame legacy = change;  // two of these cannot be told from each other
  legacy.plan_hash = {};
  EXPECT_EQ("base", name_of(plain(legacy, half(legacy), "a")));
}

TEST(PlainDecision, AFileHasTheSizeOfWhatItHolds) {
  BeginFrame grows = delta_from("a", "b");
  grows.volume_size = 2 * kSize;
  EXPECT_EQ("start", name_of(plain(grows, {}, "a", kSize)));
  EXPECT_EQ("base", name_of(plain(grows, {}, "a", 2 * kSize)));
  EXPECT_EQ("start", name_of(plain(grows, half(grows), "a", 2 * kSize)));
  EXPECT_EQ("start", name_of(plain(grows, half(grows), "a", kSize)));
  EXPECT_EQ("base", name_of(plain(at(512, grows), resumable(at(512, grows)), {}, kSize)));
  EXPECT_EQ("carry on", name_of(plain(at(512, grows), resumable(at(512, grows)), {}, 2 * kSize)));
  EXPECT_EQ("base", name_of(plain(full_of("a"), {}, {}, 2 * kSize)));
  const PlainFacts device{.size = 2 * kSize, .is_device = true, .base = "a"};
  EXPECT_EQ("start", name_of(decide(grows, kPlain, {}, device)));
}

TEST(PlainDecision, WhereAHalfFileMayHideOnlyAllOfItIsTaken) {
  const PlainFacts facts{.size = kSize, .may_hide = true, .base = "a"};
  EXPECT_EQ("base", name_of(decide(delta_from("a", "b"), kPlain, {}, facts)));
  const BeginFrame part = at(512, delta_from("a", "b"));
  EXPECT_EQ("carry on", name_of(decide(part, kPlain, resumable(part), facts)));
  EXPECT_EQ("start", name_of(decide(full_of("c"), kPlain, {}, {.size = kSize, .may_hide = true})));
}

TEST(Commands, AreWordsForAnyShell) {
  EXPECT_EQ("vg/data", shell_word("vg/data"));
  EXPECT_EQ("'a b'", shell_word("a b"));
  EXPECT_EQ("'a'\\''$b'", shell_word("a'$b"));
  EXPECT_EQ("''", shell_word(""));
  const BeginFrame part = at(512, full_of("image:1.1.1"));
  EXPECT_NE(std::string::npos,
            resume_command(kPlain, part).find(" --metadata FILE --data FILE | bsr-recv 'a b'"));
}

/// What was written in place is no base any more.
TEST(Commands, TokensSayWhetherTheBaseIsGone) {
  const BeginFrame part = at(512, delta_from("a", "b"));
  EXPECT_NE(token_of(kManaged, part), token_of(kPlain, part));
  EXPECT_EQ(token_of(kManaged, at(512, full_of("b"))), token_of(kPlain, at(512, full_of("b"))));
}

constexpr SourceState kState = {std::byte{1}};
constexpr SourceState kOtherState = {std::byte{2}};

TargetState known_generations(const std::vector<std::string>& uuids) {
  TargetState state = generations(uuids);
  for (Generation& generation : state.generations) generation.state = kState;
  return state;
}

BeginFrame with_states(BeginFrame begin, const SourceState& snapshot, const SourceState& base) {
  begin.set_states(snapshot, base);
  return begin;
}

TEST(Decision, ABaseThatMovedSinceItWasReceivedIsNone) {
  const TargetState state = known_generations({"a", "b"});
  const BeginFrame change = delta_from("b", "c");
  for (const bool rollback : {false, true}) {
    const auto decided = [&](const TargetState& facts, const BeginFrame& begin) {
      return name_of(managed(facts, {}, begin, rollback));
    };
    EXPECT_EQ("start", decided(state, change));
    EXPECT_EQ("start", decided(state, with_states(change, kOtherState, kState)));
    EXPECT_EQ("diverged", decided(state, with_states(change, kOtherState, kOtherState)));
    EXPECT_EQ("start",
              decided(generations({"a", "b"}), with_states(change, kOtherState, kOtherState)));
  }
  const BeginFrame moved = at(512, with_states(change, kState, kOtherState));
  EXPECT_EQ("diverged", name_of(managed(state, resumable(moved), moved, false)));

  EXPECT_EQ(&state.generations[1], unproven(state, change));
  EXPECT_EQ(nullptr, unproven(state, with_states(change, kState, kState)));
  const TargetState unknown = generations({"a", "b"});
  EXPECT_EQ(&unknown.generations[1], unproven(unknown, with_states(change, kState, kState)));
}

TEST(PlainDecision, ABaseThatMovedSinceItWasReceivedIsNone) {
  const BeginFrame change = with_states(delta_from("a", "b"), kOtherState, kState);
  const auto holds = [](const std::string& held, const SourceState& state) {
    return PlainFacts{.size = kSize, .base = "a", .holding = Holding{held, state}};
  };
  const auto decided = [&](const PlainFacts& known, const BeginFrame& begin,
                           const Waiting& waiting = {}) {
    return name_of(decide(begin, kPlain, waiting, known));
  };
  EXPECT_EQ("start", decided(holds("a", kState), change));
  EXPECT_FALSE(is_unproven(change, {}, holds("a", kState)));
  EXPECT_EQ("diverged", decided(holds("a", kOtherState), change));
  // It was restored, as its user says.
  EXPECT_EQ("start", decided(holds("x", kOtherState), change));
  EXPECT_TRUE(is_unproven(change, {}, holds("x", kState)));
  EXPECT_TRUE(is_unproven(change, {}, PlainFacts{.size = kSize, .base = "a"}));
  EXPECT_TRUE(is_unproven(delta_from("a", "b"), {}, holds("a", kState)));
  // What replaces all of it has no base, and what goes on had one when it began.
  EXPECT_FALSE(is_unproven(full_of("b"), {}, {}));
  EXPECT_FALSE(is_unproven(kResync, {}, {}));
  EXPECT_FALSE(is_unproven(change, half(change), {}));
  const BeginFrame rest = at(512, change);
  EXPECT_EQ("carry on", decided(holds("a", kOtherState), rest, resumable(rest)));
  EXPECT_FALSE(is_unproven(rest, resumable(rest), {}));
}

TEST(Decision, ASnapshotThatMovedSinceItWasReceivedIsNotTheSame) {
  const TargetState state = known_generations({"a", "b"});
  const auto decided = [&](const BeginFrame& begin) {
    return name_of(managed(state, {}, begin, false));
  };
  EXPECT_EQ("acknowledge", decided(full_of("b")));
  EXPECT_EQ("acknowledge", decided(with_states(full_of("b"), kState, {})));
  EXPECT_EQ("diverged", decided(with_states(full_of("b"), kOtherState, {})));
  BeginFrame larger = with_states(full_of("b"), kState, {});
  larger.volume_size += 4 << 20;
  EXPECT_EQ("diverged", decided(larger));
  EXPECT_EQ("acknowledge", decided(with_states(delta_from("a", "b"), kState, kState)));
  EXPECT_EQ("diverged", decided(with_states(delta_from("a", "b"), kState, kOtherState)));
  const BeginFrame resync = with_states(delta_from("content:0123", "b"), kOtherState, {});
  EXPECT_EQ("start", decided(resync));
  EXPECT_EQ(nullptr, unproven(state, resync));
}

}  // namespace
}  // namespace bsr
