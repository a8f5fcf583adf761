#include "bsr-recv/checkpoints.h"

#include <algorithm>
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

// What is read back between two records is about so much of the stream's content, so that hardly
// more than that is left behind its end. The flushes for it are few, whatever one costs.
constexpr uint64_t kSteps = 16;
constexpr uint64_t kLeastStep = 1ULL << 20;
constexpr uint64_t kLargestStep = kRecordBytes;

uint64_t step_of(const BeginFrame& begin) {
  if (begin.plan_data == 0) return kLargestStep;  // it does not say what comes
  return std::clamp(begin.plan_data / kSteps, kLeastStep, kLargestStep);
}

}  // namespace

Checkpoints::Checkpoints(VolumeSink& sink, WrittenLog& log, ReadBack* read_back,
                         const BeginFrame& begin, Record record)
    : sink_(sink),
      log_(log),
      read_back_(read_back),
      record_(std::move(record)),
      passed_{begin.resume, log.length()},
      recorded_(begin.resume.position),
      step_(step_of(begin)) {}

void Checkpoints::passed(const ResumePoint& point, uint64_t wire_bytes, uint64_t content_bytes) {
  passed_ = {point, log_.length()};
  const std::chrono::steady_clock::time_point now = steady_now();
  if (wire_bytes - due_wire_ >= kRecordBytes || now - due_time_ >= kRecordTime) {
    due_wire_ = wire_bytes;
    due_time_ = now;
    record_is_due_ = true;
  }
  if (under_way_.valid()) {
    if (under_way_.wait_for(std::chrono::seconds(0)) != std::future_status::ready) return;
    settle();
  }
  const bool step_is_due = read_back_ != nullptr && content_bytes - begun_content_ >= step_;
  if (!record_is_due_ && !step_is_due) return;
  begun_content_ = content_bytes;
  begin();
}

void Checkpoints::begin() {
  sink_.wait();
  log_.write_out();
  const bool records = record_is_due_.exchange(false);
  const auto step = [this, records, passed = passed_] {
    flush_and_read_back(passed, throw_if_stopped);
    // Since the step began, perhaps: a stream that stands still now brings no other.
    if (records || record_is_due_.exchange(false)) record(passed);
  };
  try {
    under_way_ = std::async(std::launch::async, step);
  } catch (const std::system_error&) {  // no thread for it
    step();
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
  flush_and_read_back(passed_, [deadline = steady_now() + kPatience] {
    if (steady_now() > deadline) fail(ErrorKind::failed, "reading back takes too long");
  });
  record(passed_);
}

void Checkpoints::finish() {
  log_.write_out();
  if (read_back_ != nullptr) read_back_->up_to(log_.length(), throw_if_stopped);
}

void Checkpoints::flush_and_read_back(const Passed& passed, const Between& between) {
  sink_.sync();
  kill_point("flushed");
  if (read_back_ != nullptr) read_back_->up_to(passed.logged, between);
}

void Checkpoints::record(const Passed& passed) {
  log_.sync();
  record_(passed.point, passed.logged);
  recorded_ = passed.point.position;
}

void Checkpoints::record_again() { record(passed_); }

}  // namespace bsr
