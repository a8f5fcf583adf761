#include "platform/patience.h"

#include <thread>

#include "platform/signals.h"

namespace bsr {
namespace {

constexpr std::chrono::milliseconds kMoment{100};

}  // namespace

Patience::Patience(std::chrono::milliseconds limit)
    : deadline_(std::chrono::steady_clock::now() + limit) {}

bool Patience::wait() const {
  throw_if_stopped();
  if (std::chrono::steady_clock::now() >= deadline_) return false;
  std::this_thread::sleep_for(kMoment);
  return true;
}

}  // namespace bsr
