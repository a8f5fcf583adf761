#include "bsr-recv/checkpoints.h"

#include <system_error>

#include "platform/kill_point.h"

namespace bsr {
namespace {

// What a crash loses at most, and the time of a flush: whatever comes first.
constexpr uint64_t kRecordBytes = 64ULL << 20;  // of the stream
constexpr std::chrono::seconds kRecordTime{5};

}  // namespace

void Checkpoints::passed(const ResumePoint& point, uint64_t wire_bytes) {
  passed_ = point;
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
  try {
    under_way_ =
        std::async(std::launch::async, [this, point = passed_] { flush_and_record(point); });
  } catch (const std::system_error&) {  // no thread for it
    flush_and_record(passed_);
  }
}

void Checkpoints::settle() {
  if (under_way_.valid()) under_way_.get();
}

void Checkpoints::record() {
  settle();
  if (passed_.position == recorded_) return;
  sink_.wait();
  flush_and_record(passed_);
}

void Checkpoints::flush_and_record(const ResumePoint& point) {
  sink_.sync();
  kill_point("flushed");
  record_(point);
  recorded_ = point.position;
}

}  // namespace bsr
