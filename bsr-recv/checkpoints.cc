#include "bsr-recv/checkpoints.h"

#include <system_error>

#include "base/error.h"
#include "platform/kill_point.h"
#include "platform/signals.h"

namespace bsr {
namespace {

// What a crash loses at most, and the time of a flush: whatever comes first.
constexpr uint64_t kRecordBytes = 64ULL << 20;  // of the stream
constexpr std::chrono::seconds kRecordTime{5};
// With what is read back when a session fails.
constexpr std::chrono::milliseconds kPatience{500};

}  // namespace

void Checkpoints::passed(const ResumePoint& point, uint64_t wire_bytes) {
  passed_ = {point, log_.length()};
  if (under_way_.valid()) {
    if (under_way_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
    settle();
  }
  const std::chrono::steady_clock::time_point now = steady_now();
  if (wire_bytes - begun_wire_ < kRecordBytes && now - begun_time_ < kRecordTime) return;
  begun_wire_ = wire_bytes;
  begun_time_ = now;
  begin();
}

void Checkpoints::begin() {
  sink_.wait();
  log_.write_out();
  try {
    under_way_ = std::async(std::launch::async, [this, passed = passed_] {
      flush_and_record(passed, throw_if_stopped);
    });
  } catch (const std::system_error&) {  // no thread for it
    flush_and_record(passed_, throw_if_stopped);
  }
}

void Checkpoints::settle() {
  if (under_way_.valid()) under_way_.get();
}

/// Somebody waits for the end, perhaps because of a signal: what cannot be recorded soon comes once
/// more.
void Checkpoints::record() {
  settle();
  if (passed_.point.position == recorded_) return;
  sink_.wait();
  log_.write_out();
  flush_and_record(passed_, [deadline = steady_now() + kPatience] {
    if (steady_now() > deadline) fail(ErrorKind::failed, "reading back takes too long");
  });
}

void Checkpoints::finish() {
  log_.write_out();
  if (read_back_ != nullptr) read_back_->up_to(log_.length(), throw_if_stopped);
}

void Checkpoints::flush_and_record(const Passed& passed, const std::function<void()>& between) {
  sink_.sync();
  kill_point("flushed");
  if (read_back_ != nullptr) read_back_->up_to(passed.logged, between);
  log_.sync();
  record_(passed.point, passed.logged);
  recorded_ = passed.point.position;
}

void Checkpoints::record_again() {
  log_.sync();
  record_(passed_.point, passed_.logged);
}

}  // namespace bsr
