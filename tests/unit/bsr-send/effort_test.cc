// What the steps lead to, in a model of a pipeline: whatever is slowest sets the pace.
#include "bsr-send/effort.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>

namespace bsr {
namespace {

constexpr uint64_t kPiece = 256 * 1024;
constexpr double kMega = 1e6;

/// Bytes per second of one encoder, and how many times smaller it makes them, by level; 0: off.
struct Encoder {
  double rate;
  double ratio;
};
const std::map<int, Encoder> kText = {{0, {9000 * kMega, 1}},
                                      {-5, {360 * kMega, 1.76}},
                                      {1, {174 * kMega, 2.42}},
                                      {3, {109 * kMega, 2.60}},
                                      {9, {28 * kMega, 2.78}}};
const std::map<int, Encoder> kNoise = {{0, {9000 * kMega, 1}},
                                       {-5, {3800 * kMega, 1}},
                                       {1, {3100 * kMega, 1}},
                                       {3, {2800 * kMega, 1}},
                                       {9, {119 * kMega, 1}}};

struct Session {
  double reader = 2000 * kMega;   ///< bytes of the plan per second
  double reader_with_base = 0;    ///< 0: there is none
  double left_by_base = 0.1;      ///< of the bytes, where it is read
  double zeros = 0;               ///< of the plan; neither left out nor encoded
  double link = 100 * kMega;      ///< bytes of the stream per second
  double link_to_references = 0;  ///< the same where patches refer; 0: no other
  double left_by_references = 1;  ///< of the stream
  std::map<int, Encoder> data = kText;
  unsigned encoders = 2;
};

/// Seconds for so many bytes of the plan.
double seconds(const Session& session, Effort& effort, uint64_t bytes) {
  double all = 0;
  for (uint64_t done = 0; done < bytes; done += kPiece) {
    const Compression compression = effort.compression();
    const Encoder& encoder = session.data.at(compression.enabled ? compression.level : 0);
    const bool base = session.reader_with_base > 0 && effort.reads_base();
    const double part = (1 - session.zeros) * (base ? session.left_by_base : 1);
    const double reading = kPiece / (base ? session.reader_with_base : session.reader);
    const double encoding = kPiece * part / encoder.rate;
    const bool refers = base && effort.refers();
    const double sent = kPiece * part / encoder.ratio * (refers ? session.left_by_references : 1);
    const double link =
        refers && session.link_to_references > 0 ? session.link_to_references : session.link;
    const double writing = sent / link;
    const double time = std::max({reading, encoding / session.encoders, writing});
    const auto duration = [](double value) {
      return std::chrono::duration_cast<Effort::Duration>(std::chrono::duration<double>(value));
    };
    // Whoever is slowest is always busy; the writer waits for the link only where that is.
    effort.passed({.planned = kPiece,
                   .zeros = static_cast<uint64_t>(kPiece * session.zeros),
                   .encoded = static_cast<uint64_t>(kPiece * part),
                   .sent = static_cast<uint64_t>(sent),
                   .all = duration(time),
                   .writing = duration(writing < time ? 0 : time),
                   .encoding = duration(encoding)});
    all += time;
  }
  return all;
}

double seconds(const Session& session, std::optional<Compression> compression, bool base,
               uint64_t bytes) {
  Effort effort({.compression = compression, .base = base, .always_base = base}, session.encoders);
  return seconds(session, effort, bytes);
}

double best_fixed(const Session& session, uint64_t bytes) {
  double best = 1e9;
  for (const auto& [level, encoder] : session.data)
    for (const bool base : {false, true})
      if (!base || session.reader_with_base > 0)
        best = std::min(best, seconds(session, Compression{level != 0, level}, base, bytes));
  return best;
}

constexpr uint64_t kMuch = 4ULL << 30;

class EffortOnLinks : public testing::TestWithParam<double> {};

TEST_P(EffortOnLinks, IsNearTheBestLevel) {
  for (const auto& data : {kText, kNoise}) {
    const Session session{.link = GetParam() * kMega, .data = data};
    Effort effort({}, session.encoders);
    EXPECT_LT(seconds(session, effort, kMuch), 1.2 * best_fixed(session, kMuch));
  }
}

TEST_P(EffortOnLinks, IsNotSlowerThanTheLink) {
  const Session session{.link = GetParam() * kMega};
  Effort effort({}, session.encoders);
  seconds(session, effort, kMuch);
  EXPECT_LT(seconds(session, effort, kMuch),
            1.05 * seconds(session, Compression{false, 0}, false, kMuch));
}

/// With a fast disk reading the base costs nothing, with a slow one more than the link, with a
/// middling one it depends.
TEST_P(EffortOnLinks, ReadsTheBaseWhereThatIsFaster) {
  for (const double with_base : {20 * kMega, 200 * kMega, 1000 * kMega}) {
    const Session session{
        .reader = 2 * with_base, .reader_with_base = with_base, .link = GetParam() * kMega};
    Effort effort({.base = true}, session.encoders);
    EXPECT_LT(seconds(session, effort, kMuch), 1.25 * best_fixed(session, kMuch)) << with_base;
  }
}

INSTANTIATE_TEST_SUITE_P(MegabytesPerSecond, EffortOnLinks,
                         testing::Values(1, 12.5, 50, 125, 400, 1250, 10000), [](const auto& test) {
                           return std::to_string(static_cast<int>(test.param));
                         });

TEST(Effort, SetLevelAndBaseStay) {
  Session session{.reader = 40 * kMega, .reader_with_base = 20 * kMega, .link = 1250 * kMega};
  Effort effort({.compression = Compression{true, 3}, .base = true, .always_base = true}, 2);
  seconds(session, effort, kMuch);
  EXPECT_EQ(3, effort.compression().level);
  EXPECT_TRUE(effort.reads_base());
}

/// What a trial costs on a slow host and a slow line is time that the old way would have needed
/// twice.
TEST(Effort, AShortSessionKeepsTheBase) {
  const Session session{.reader = 4 * kMega, .reader_with_base = 3 * kMega, .link = 2.5 * kMega};
  Effort effort({.base = true}, session.encoders);
  const double best = seconds(session, Compression{true, 3}, true, 60 << 20);
  EXPECT_EQ(best, seconds(session, effort, 60 << 20));
  EXPECT_LT(seconds(session, effort, 200 << 20), 1.3 * best * 200 / 60);
}

/// New content that cannot be compressed: the base is in the way of a fast output. With a slow one
/// it stays, because what comes next may be other content.
TEST(Effort, AShortSessionGivesAUselessBaseUpUnlessTheOutputIsSlow) {
  Session session{
      .reader_with_base = 80 * kMega, .left_by_base = 1, .link = 10000 * kMega, .data = kNoise};
  const double always = seconds(session, Compression{true, 3}, true, 60 << 20);
  Effort fast({.base = true}, session.encoders);
  EXPECT_LT(seconds(session, fast, 60 << 20), 0.5 * always);
  EXPECT_FALSE(fast.reads_base());
  session.link = 40 * kMega;
  Effort slow({.base = true}, session.encoders);
  seconds(session, slow, 60 << 20);
  EXPECT_TRUE(slow.reads_base());
}

/// The highest level takes its time with it, which a transport on the same processor may need.
TEST(Effort, NoiseIsNotCompressedHarder) {
  for (const double link : {0.1, 2.0, 12.0, 400.0}) {
    const Session session{.link = link * kMega, .data = kNoise};
    Effort effort({}, session.encoders);
    for (unsigned i = 0; i < 1600; ++i) {
      seconds(session, effort, kPiece);
      ASSERT_LE(effort.compression().level, 3) << i;
    }
  }
}

/// Negative levels of zstd find nothing in what is base64.
TEST(Effort, WhatOnlyHigherLevelsShortenIsCompressed) {
  const std::map<int, Encoder> base64 = {{0, {9000 * kMega, 1}},
                                         {-5, {2000 * kMega, 1}},
                                         {1, {400 * kMega, 1.33}},
                                         {3, {300 * kMega, 1.33}},
                                         {9, {28 * kMega, 1.33}}};
  Session session{.link = 400 * kMega, .data = kText};
  Effort effort({}, session.encoders);
  seconds(session, effort, kMuch);
  session.link = 2 * kMega;
  session.data = base64;
  ASSERT_LT(effort.compression().level, 1);
  seconds(session, effort, kMuch);
  EXPECT_GE(effort.compression().level, 1);
}

/// They take no encoder's time, with a base or without.
TEST(Effort, ZerosDoNotLowerTheLevelWhereTheBaseIsGivenUp) {
  const Session session{.reader = 600 * kMega,
                        .reader_with_base = 300 * kMega,
                        .left_by_base = 0.5,
                        .zeros = 0.5,
                        .link = 125 * kMega};
  Effort effort({.base = true}, session.encoders);
  EXPECT_LT(seconds(session, effort, 2 * kMuch), 1.05 * best_fixed(session, 2 * kMuch));
}

/// However much of the plan they are.
TEST(Effort, ZerosDoNotHideNoise) {
  const Session session{.zeros = 0.5, .link = 12 * kMega, .data = kNoise};
  Effort effort({}, session.encoders);
  for (unsigned i = 0; i < 1600; ++i) {
    seconds(session, effort, kPiece);
    ASSERT_LE(effort.compression().level, 3) << i;
  }
}

TEST(Effort, WithoutABaseNoneIsRead) {
  Effort effort({.base = false}, 2);
  seconds({.link = kMega}, effort, kMuch);
  EXPECT_FALSE(effort.reads_base());
}

/// With a base that takes no time to read.
Session with_base(double link) {
  return {.reader_with_base = 1500 * kMega, .left_by_base = 0.2, .link = link};
}

TEST(Effort, PatchesReferWhileTheOutputHoldsTheSessionUp) {
  Session session = with_base(2 * kMega);
  Effort effort({.base = true}, session.encoders);
  EXPECT_FALSE(effort.refers());
  seconds(session, effort, 32 << 20);
  EXPECT_TRUE(effort.refers());
  session.link = 100000 * kMega;
  seconds(session, effort, 1 << 30);
  EXPECT_FALSE(effort.refers());
  session.link = 2 * kMega;
  seconds(session, effort, 64 << 20);
  EXPECT_TRUE(effort.refers());
}

TEST(Effort, PatchesDoNotReferWhereTheOutputIsFast) {
  Effort effort({.base = true}, 2);
  for (unsigned i = 0; i < 100; ++i) {
    seconds(with_base(100000 * kMega), effort, 8 << 20);
    ASSERT_FALSE(effort.refers()) << i;
  }
}

/// Two windows of two seconds, however little passes.
TEST(Effort, PatchesReferSoonWhereTheOutputIsVerySlow) {
  const Session session = with_base(100e3);
  Effort effort({.base = true}, session.encoders);
  double time = 0;
  while (!effort.refers() && time < 10) time += seconds(session, effort, kPiece);
  EXPECT_LT(time, 5.5);
}

TEST(Effort, PatchesReferWhereTheSessionGetsFasterByThat) {
  Session session = with_base(2 * kMega);
  const double without = seconds(session, Compression{}, true, 1 << 30);
  session.left_by_references = 0.3;
  Effort effort({.base = true}, session.encoders);
  EXPECT_LT(seconds(session, effort, 1 << 30), 0.5 * without);
  EXPECT_TRUE(effort.refers());
}

/// It looks like a slow line, and has to read for each of them.
TEST(Effort, PatchesDoNotReferWhereTheReceiverIsSlowerByThat) {
  Session session = with_base(2 * kMega);
  session.link_to_references = 0.4 * kMega;
  session.left_by_references = 0.5;
  Session never = session;
  never.link_to_references = session.link;
  never.left_by_references = 1;
  Effort effort({.base = true}, session.encoders);
  Effort other({.base = true}, session.encoders);
  EXPECT_LT(seconds(session, effort, 4ULL << 30), 1.15 * seconds(never, other, 4ULL << 30));
}

/// A receiver that takes its time to begin is no slow line.
TEST(Effort, OneSlowWindowMakesNoReferences) {
  Session session = with_base(kMega / 100);
  Effort effort({.base = true}, session.encoders);
  double time = 0;
  while (time < 2) time += seconds(session, effort, kPiece);
  session.link = 100000 * kMega;
  for (unsigned i = 0; i < 100; ++i) {
    seconds(session, effort, 1 << 20);
    ASSERT_FALSE(effort.refers()) << i;
  }
}

TEST(Effort, PatchesReferWhateverTheOutputDoesWhereTheBaseIsAlwaysRead) {
  Effort effort({.base = true, .always_base = true}, 2);
  EXPECT_TRUE(effort.refers());
  for (unsigned i = 0; i < 20; ++i) {
    seconds(with_base(100000 * kMega), effort, 64 << 20);
    ASSERT_TRUE(effort.refers()) << i;
  }
}

TEST(Effort, NothingRefersWithoutABase) {
  Effort effort({.base = false}, 2);
  for (unsigned i = 0; i < 20; ++i) {
    seconds({.link = kMega}, effort, 8 << 20);
    ASSERT_FALSE(effort.refers()) << i;
  }
}

TEST(Effort, GoesBackWhenTheLinkGetsSlower) {
  Session session{.link = 10000 * kMega};
  Effort effort({}, session.encoders);
  seconds(session, effort, kMuch);
  EXPECT_FALSE(effort.compression().enabled);
  session.link = 2.5 * kMega;
  seconds(session, effort, kMuch);
  EXPECT_LT(seconds(session, effort, kMuch), 1.1 * best_fixed(session, kMuch));
}

}  // namespace
}  // namespace bsr
