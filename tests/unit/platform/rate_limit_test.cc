// How much goes out in how much time, by a clock that the test sets.
#include "platform/rate_limit.h"

#include <gtest/gtest.h>

#include <map>
#include <random>
#include <vector>

#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

using namespace std::chrono_literals;

ByteView text(const std::string& value) { return std::as_bytes(std::span(value)); }

/// A writer that always has more, on a host that wakes it up late.
class Writer {
 public:
  explicit Writer(const RateControl& control) : limit_(control, [this] { return now_; }) {}

  /// What it sends in that time, in writes of at most `most` bytes.
  uint64_t send_for(RateLimit::Duration time, size_t most = 300'000) {
    const RateLimit::Time end = now_ + time;
    uint64_t sent = 0;
    while (now_ < end) {
      const RateLimit::Leave leave = limit_.leave();
      if (leave.bytes == 0) {
        now_ += leave.wait + 1ms * std::uniform_int_distribution<int>(0, 50)(random_);
        continue;
      }
      const size_t size = std::min(leave.bytes, most);
      limit_.sent(size);
      sent += size;
      now_ += 10us;  // what a write takes
    }
    return sent;
  }

  void idle(RateLimit::Duration time) { now_ += time; }

 private:
  RateLimit::Time now_ = RateLimit::Time(1000s);
  std::mt19937 random_{1};
  RateLimit limit_;
};

void expect_near(double wanted, uint64_t got) {
  EXPECT_LE(static_cast<double>(got), wanted * 1.02);
  EXPECT_GE(static_cast<double>(got), wanted * 0.98);
}

TEST(RateLimit, HoldsTheRateOverTenSecondsThoughWritersWakeUpLate) {
  for (const auto& [setting, rate] :
       std::map<std::string, double>{{"1000", 1e3}, {"1M", 1 << 20}, {"100M", 100 << 20}}) {
    Writer writer{RateControl(setting)};
    SCOPED_TRACE(setting);
    expect_near(10 * rate, writer.send_for(10s));
  }
}

TEST(RateLimit, IsNotExceededAfterAPause) {
  Writer writer{RateControl("1M")};
  writer.send_for(1s);
  writer.idle(60s);
  EXPECT_LE(writer.send_for(1s), (1 << 20) * 1.18);  // 150 ms made good, and a portion
}

TEST(RateLimit, GoesByTheByteWhenTheRateIsLow) {
  Writer writer{RateControl("2")};
  expect_near(20, writer.send_for(10s));
}

TEST(RateLimit, WithoutOneNobodyWaits) {
  for (const char* setting : {"0", "none"}) {
    RateLimit limit{RateControl(setting)};
    for (int i = 0; i < 10; ++i) {
      EXPECT_EQ(SIZE_MAX, limit.leave().bytes);
      limit.sent(1 << 30);
    }
  }
}

TEST(RateLimit, ANewRateCountsWithinTwoSeconds) {
  const TemporaryFolder folder;
  const std::string file = folder.write("rate", text("1\n"));
  Writer writer{RateControl("@" + file)};
  expect_near(10, writer.send_for(9500ms));
  folder.write("rate", text("1M\n"));
  writer.send_for(2s);
  expect_near(10 << 20, writer.send_for(10s));
  folder.write("rate", text("1K"));
  writer.send_for(2s);
  expect_near(10 << 10, writer.send_for(10s));
}

TEST(RateControl, RefusesWhatIsNoRate) {
  const TemporaryFolder folder;
  const std::string bad = folder.write("bad", text("quick"));
  for (const std::string& setting :
       {std::string("quick"), std::string(""), std::string("-1"), std::string("@"),
        "@" + folder.path("missing"), "@" + bad, "@" + folder.path()})
    EXPECT_EQ(ErrorKind::usage, kind_thrown_by([&] { RateControl control(setting); })) << setting;
}

TEST(RateControl, KeepsTheLastRateAndSaysOnceThatTheFileIsNoGood) {
  const TemporaryFolder folder;
  const std::string file = folder.write("rate", text("5K\n"));
  std::vector<std::string> said;
  RateControl control("@" + file, [&](const std::string& line) { said.push_back(line); });
  RateControl::Time now(1000s);
  const auto next = [&] { return control.rate(now += 1s); };

  EXPECT_EQ(5U << 10, next());
  for (const std::string& content : {std::string("x"), std::string(), std::string(10'000, '1'),
                                     std::string("6K\n7K\n"), std::string("6K\0", 3)}) {
    folder.write("rate", text(content));
    EXPECT_EQ(5U << 10, next()) << content.substr(0, 20);
  }
  std::filesystem::remove(file);
  EXPECT_EQ(5U << 10, next());
  EXPECT_EQ(1U, said.size());
  folder.write("rate", text("none"));
  EXPECT_EQ(0U, next());
  std::filesystem::remove(file);
  EXPECT_EQ(0U, next());
  EXPECT_EQ(2U, said.size());
}

TEST(RateControl, LooksAtTheFileAtMostOnceASecond) {
  const TemporaryFolder folder;
  const std::string file = folder.write("rate", text("1K"));
  RateControl control("@" + file);
  const RateControl::Time now(1000s);
  EXPECT_EQ(1U << 10, control.rate(now));
  folder.write("rate", text("2K"));
  EXPECT_EQ(1U << 10, control.rate(now + 999ms));
  EXPECT_EQ(2U << 10, control.rate(now + 1s));
}

}  // namespace
}  // namespace bsr
