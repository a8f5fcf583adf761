#include "platform/io_threads.h"

#include <algorithm>
#include <iterator>
#include <system_error>

namespace bsr {
namespace {

constexpr size_t kMostThreads = 16;

}  // namespace

IoThreads::IoThreads(size_t at_once) : at_once_(std::min(at_once, kMostThreads)) {}

IoThreads::~IoThreads() {
  const std::lock_guard lock(mutex_);
  stopped_ = true;
  waiting_.clear();
  work_.notify_all();
}

void IoThreads::start(std::vector<IoRequest> requests) {
  in_flight_ += requests.size();
  while (threads_.size() < std::min(in_flight_, at_once_)) try {
      threads_.emplace_back([this] { serve(); });
    } catch (const std::system_error&) {
      at_once_ = threads_.size();
    }
  if (threads_.empty()) {
    for (const IoRequest& request : requests) done_.push_back(carry_out(request));
    return;
  }
  {
    const std::lock_guard lock(mutex_);
    std::ranges::move(requests, std::back_inserter(waiting_));
  }
  if (requests.size() == 1)
    work_.notify_one();
  else
    work_.notify_all();
}

void IoThreads::collect(std::deque<IoDone>& done, std::optional<uint64_t> wanted) {
  std::unique_lock lock(mutex_);
  wanted_ = wanted;
  ended_.wait_for(lock, kTurn, [&] {
    return wanted ? std::ranges::find(done_, *wanted, &IoDone::tag) != done_.end() : !done_.empty();
  });
  wanted_.reset();
  in_flight_ -= done_.size();
  done.insert(done.end(), done_.begin(), done_.end());
  done_.clear();
}

void IoThreads::serve() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [&] { return stopped_ || !waiting_.empty(); });
    if (stopped_) return;
    const IoRequest request = std::move(waiting_.front());
    waiting_.pop_front();
    lock.unlock();
    const IoDone done = carry_out(request);
    lock.lock();
    done_.push_back(done);
    if (!wanted_ || *wanted_ == done.tag) ended_.notify_one();
  }
}

}  // namespace bsr
