// Who gets which parts, who is waited for, and who is not.
#include "bsr-send/cut_tee.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "base/error.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

using namespace std::chrono_literals;

constexpr uint64_t kParts = 100;

CutPtr part(uint64_t number) {
  EncodedCut cut;
  cut.body.emplace().content.resize(1000);
  cut.end = number;
  return std::make_shared<const EncodedCut>(std::move(cut));
}

void write_parts(CutTee& tee) {
  for (uint64_t i = 1; i <= kParts; ++i) tee.write(part(i));
  tee.finish();
}

/// What it gets until there is no more.
std::vector<uint64_t> take_all(CutTee& tee, size_t taker) {
  std::vector<uint64_t> ends;
  while (const CutPtr cut = tee.take(taker)) ends.push_back(cut->end);
  return ends;
}

std::vector<uint64_t> first_parts(uint64_t count) {
  std::vector<uint64_t> ends;
  for (uint64_t i = 1; i <= count; ++i) ends.push_back(i);
  return ends;
}

constexpr CutTee::Limits kStrict = {.bytes = 5000, .patience = 20ms};
constexpr CutTee::Limits kPatient = {.bytes = 5000, .patience = 1h};

TEST(CutTee, EveryTakerGetsEveryPartInOrder) {
  CutTee tee(3, kPatient);
  std::vector<std::vector<uint64_t>> got(3);
  {
    std::vector<std::jthread> threads;
    for (size_t i = 0; i < 3; ++i) threads.emplace_back([&, i] { got.at(i) = take_all(tee, i); });
    write_parts(tee);
  }
  for (const auto& ends : got) EXPECT_EQ(first_parts(kParts), ends);
  EXPECT_FALSE(tee.was_dropped(0));
}

TEST(CutTee, DropsWhomOthersWaitForAndLeavesItWhatIsInItsQueue) {
  CutTee tee(2, kStrict);
  std::vector<uint64_t> quick;
  {
    const std::jthread taking([&] { quick = take_all(tee, 0); });
    write_parts(tee);  // returns although the other has taken nothing
  }
  EXPECT_EQ(first_parts(kParts), quick);
  const std::vector<uint64_t> slow = take_all(tee, 1);
  EXPECT_EQ(first_parts(slow.size()), slow);
  EXPECT_GE(slow.size(), 3U);
  EXPECT_LE(slow.size(), 5U);
  EXPECT_FALSE(tee.was_dropped(0));
  EXPECT_TRUE(tee.was_dropped(1));
}

TEST(CutTee, ManyShortWaitsForOneCountTogether) {
  CutTee tee(2, {.bytes = 5000, .patience = 100ms});
  std::vector<std::vector<uint64_t>> got(2);
  {
    const std::jthread quick([&] { got[0] = take_all(tee, 0); });
    const std::jthread slow([&] {
      while (const CutPtr cut = tee.take(1)) {
        got[1].push_back(cut->end);
        std::this_thread::sleep_for(5ms);
      }
    });
    write_parts(tee);
  }
  EXPECT_EQ(first_parts(kParts), got[0]);
  EXPECT_TRUE(tee.was_dropped(1));
}

TEST(CutTee, TheOnlyOneIsNeverDropped) {
  std::atomic<int> turns = 0;
  CutTee tee(1, kStrict, [&] { ++turns; });
  std::vector<uint64_t> got;
  {
    const std::jthread taking([&] {
      while (turns < 3) std::this_thread::yield();  // longer than the patience
      got = take_all(tee, 0);
    });
    write_parts(tee);
  }
  EXPECT_EQ(first_parts(kParts), got);
  EXPECT_FALSE(tee.was_dropped(0));
}

TEST(CutTee, NobodyIsDroppedWhileNobodyWaits) {
  std::atomic<int> turns = 0;
  CutTee tee(2, kStrict, [&] { ++turns; });
  std::vector<std::vector<uint64_t>> got(2);
  {
    const std::jthread writing([&] {
      for (uint64_t i = 1; i <= 6; ++i) tee.write(part(i));
      tee.finish();
    });
    while (turns < 3) std::this_thread::yield();
    // Both queues are full, so no order of taking leaves one of them idle for long.
    tee.take(0);
    tee.take(1);
  }
  EXPECT_FALSE(tee.was_dropped(0));
  EXPECT_FALSE(tee.was_dropped(1));
}

TEST(CutTee, WhoLeavesHoldsNobodyUp) {
  CutTee tee(2, kPatient);
  std::vector<uint64_t> got;
  {
    const std::jthread taking([&] { got = take_all(tee, 0); });
    const std::jthread leaving([&] {
      tee.take(1);
      tee.leave(1);
    });
    write_parts(tee);
  }
  EXPECT_EQ(first_parts(kParts), got);
  EXPECT_TRUE(tee.anyone_left());
}

TEST(CutTee, WritesToNobodyFail) {
  CutTee tee(2, kPatient);
  tee.leave(0);
  tee.write(part(1));
  tee.leave(1);
  EXPECT_EQ(ErrorKind::peer, kind_thrown_by([&] { tee.write(part(2)); }));
  EXPECT_FALSE(tee.is_taken());
  EXPECT_FALSE(tee.anyone_left());
}

TEST(CutTee, AFailureComesBehindTheLastPart) {
  CutTee tee(1, kPatient);
  tee.write(part(1));
  tee.finish(std::make_exception_ptr(Error(ErrorKind::corrupt, "disk broke")));
  EXPECT_TRUE(tee.take(0));
  EXPECT_EQ(ErrorKind::corrupt, kind_thrown_by([&] { tee.take(0); }));
}

TEST(CutTee, WhatIsThrownWhileWaitingComesOut) {
  CutTee tee(1, kStrict, [] { fail(ErrorKind::interrupted, "enough"); });
  EXPECT_EQ(ErrorKind::interrupted, kind_thrown_by([&] { write_parts(tee); }));
}

}  // namespace
}  // namespace bsr
