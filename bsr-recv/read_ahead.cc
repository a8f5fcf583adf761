#include "bsr-recv/read_ahead.h"

namespace bsr {

void ReadAhead::drain() {
  try {
    while (std::optional<Frame> frame = source_->next()) {
      wire_bytes_ = source_->wire_bytes();
      if (std::holds_alternative<UnknownFrame>(frame->body)) continue;  // nobody waits for it
      if (!queue_.push({std::move(frame), source_->progress(), nullptr})) return;
    }
    wire_bytes_ = source_->wire_bytes();
  } catch (...) {
    queue_.push({std::nullopt, {}, std::current_exception()});
  }
  queue_.close();
}

std::optional<Frame> ReadAhead::next() {
  std::optional<Item> item = queue_.pop();
  if (!item) {
    thread_.join();
    return std::nullopt;
  }
  if (item->failure) {
    thread_.join();  // it has nothing left to do, and the exception is ours alone then
    std::rethrow_exception(item->failure);
  }
  progress_ = item->progress;
  return std::move(item->frame);
}

}  // namespace bsr
