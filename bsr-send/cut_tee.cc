#include "bsr-send/cut_tee.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "platform/clock.h"

namespace bsr {
namespace {

using namespace std::chrono_literals;

uint64_t bytes_of(const EncodedCut& cut) {
  return sizeof cut + (cut.body ? cut.body->table.size() + cut.body->content.size() : 0);
}

}  // namespace

CutTee::CutTee(size_t takers, Limits limits, std::function<void()> while_waiting)
    : limits_(limits),
      while_waiting_(std::move(while_waiting)),
      takers_(takers),
      forgiven_(steady_now()) {}

bool CutTee::is_full(const Taker& taker) const {
  return taker.state == State::taking && taker.bytes >= limits_.bytes;
}

bool CutTee::is_idle(const Taker& taker) const {
  return taker.state == State::taking && taker.queue.empty();
}

void CutTee::forgive() {
  const auto now = steady_now();
  for (Taker& taker : takers_) taker.against -= std::min(taker.against, (now - forgiven_) / 10);
  forgiven_ = now;
}

void CutTee::wait_for_room(std::unique_lock<std::mutex>& lock) {
  const auto full = [this](const Taker& taker) { return is_full(taker); };
  const auto idle = [this](const Taker& taker) { return is_idle(taker); };
  while (std::ranges::any_of(takers_, full)) {
    std::vector<Taker*> waited_for;
    if (std::ranges::any_of(takers_, idle))
      for (Taker& taker : takers_)
        if (is_full(taker)) waited_for.push_back(&taker);
    const auto begin = steady_now();
    changed_.wait_for(lock, std::min<Duration>(limits_.patience, 100ms));
    const auto time = steady_now() - begin;
    for (Taker* taker : waited_for) {
      taker->against += time;
      if (taker->state == State::taking && taker->against >= limits_.patience)
        taker->state = State::dropped;
    }
    lock.unlock();
    if (while_waiting_) while_waiting_();
    lock.lock();
  }
}

void CutTee::write(CutPtr cut) {
  std::unique_lock lock(mutex_);
  forgive();
  wait_for_room(lock);
  bool taken = false;
  for (Taker& taker : takers_) {
    if (taker.state != State::taking) continue;
    taker.queue.push_back(cut);
    taker.bytes += bytes_of(*cut);
    taken = true;
  }
  if (!taken) fail(ErrorKind::peer, "no output is left");
  changed_.notify_all();
}

void CutTee::finish(std::exception_ptr failure) {
  const std::lock_guard lock(mutex_);
  finished_ = true;
  failure_ = std::move(failure);
  changed_.notify_all();
}

void CutTee::check() {
  const std::lock_guard lock(mutex_);
  if (failure_) std::rethrow_exception(failure_);
}

CutPtr CutTee::take(size_t index) {
  std::unique_lock lock(mutex_);
  Taker& taker = takers_.at(index);
  changed_.wait(lock,
                [&] { return !taker.queue.empty() || finished_ || taker.state != State::taking; });
  if (taker.queue.empty()) {
    if (failure_ && taker.state == State::taking) std::rethrow_exception(failure_);
    return nullptr;
  }
  CutPtr cut = std::move(taker.queue.front());
  taker.queue.pop_front();
  taker.bytes -= bytes_of(*cut);
  changed_.notify_all();
  return cut;
}

bool CutTee::was_dropped(size_t index) {
  const std::lock_guard lock(mutex_);
  return takers_.at(index).state == State::dropped;
}

bool CutTee::is_taken() {
  const std::lock_guard lock(mutex_);
  return std::ranges::count(takers_, State::taking, &Taker::state) > 0;
}

bool CutTee::anyone_left() {
  const std::lock_guard lock(mutex_);
  return std::ranges::count(takers_, State::gone, &Taker::state) != std::ssize(takers_);
}

void CutTee::leave(size_t index) {
  const std::lock_guard lock(mutex_);
  Taker& taker = takers_.at(index);
  taker.state = State::gone;
  taker.queue.clear();
  taker.bytes = 0;
  changed_.notify_all();
}

}  // namespace bsr
