#include "bsr-send/base_indexer.h"

#include <algorithm>

#include "base/error.h"

namespace bsr {
namespace {

constexpr uint64_t kReadAtOnce = 1U << 20;  // bytes

}  // namespace

void BaseIndexer::passed(uint64_t position) {
  const std::lock_guard lock(mutex_);
  position_ = position;
  paused_ = false;
  while (!ahead_.empty() && ahead_.front().end <= position) {
    ahead_bytes_ -= ahead_.front().bytes;
    ahead_.pop_front();
  }
  room_.notify_one();
}

void BaseIndexer::pause() {
  const std::lock_guard lock(mutex_);
  paused_ = true;
}

/// The next one that the stream has not passed; false at the end of the plan.
bool BaseIndexer::take_part() {
  uint64_t position = 0;
  {
    const std::lock_guard lock(mutex_);
    position = position_;
  }
  for (;;) {
    if (const std::optional<Extent> here = clip(rest_, position, size_)) {
      part_ = {here->offset, std::min(here->length, kReadAtOnce)};
      rest_ = {part_.end(), here->end() - part_.end()};
      return true;
    }
    const std::optional<DeltaExtent> next = plan_->next();
    if (!next) return false;
    rest_ = next->kind == DeltaKind::data ? next->extent : Extent{};
  }
}

bool BaseIndexer::step() {
  {
    const std::lock_guard lock(mutex_);
    if (ended_ || !has_room()) return false;
  }
  try {
    ended_ = !take_part();
    if (ended_) return false;
    bytes_.resize(part_.length);
    base_->read(part_.offset, bytes_);
  } catch (const Error&) {
    ended_ = true;
    return false;
  }
  index_.add_pages(part_, bytes_);
  const std::lock_guard lock(mutex_);
  if (part_.end() <= position_) return true;  // the stream was faster
  ahead_.push_back({part_.end(), part_.length});
  ahead_bytes_ += part_.length;
  return true;
}

void BaseIndexer::run(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    if (step()) continue;
    if (ended_) return;
    std::unique_lock lock(mutex_);
    room_.wait(lock, stop, [this] { return has_room(); });
  }
}

}  // namespace bsr
