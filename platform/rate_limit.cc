#include "platform/rate_limit.h"

#include <algorithm>
#include <cstdint>
#include <utility>

namespace bsr {
namespace {

using namespace std::chrono_literals;

constexpr RateLimit::Duration kMadeGood = 150ms;
constexpr uint64_t kPortionsPerSecond = 50;

}  // namespace

RateLimit::RateLimit(RateControl control, std::function<Time()> now)
    : control_(std::move(control)), now_(std::move(now)), paid_(now_()) {}

RateLimit::Leave RateLimit::leave() {
  const Time now = now_();
  rate_ = control_.rate(now);
  if (rate_ == 0) return {SIZE_MAX, {}};
  if (paid_ > now) return {0, paid_ - now};
  return {std::max<uint64_t>(1, rate_ / kPortionsPerSecond), {}};
}

void RateLimit::sent(size_t bytes) {
  const Time now = now_();
  paid_ = std::max(paid_, now - kMadeGood);
  if (rate_ > 0)
    paid_ += std::chrono::duration_cast<Duration>(
        std::chrono::duration<double>(static_cast<double>(bytes) / static_cast<double>(rate_)));
}

}  // namespace bsr
