#include "bsr-recv/recorder.h"

#include <cstdio>
#include <span>

#include "base/error.h"
#include "bsr-recv/waiting.h"
#include "platform/fd_stream.h"
#include "platform/kill_point.h"

namespace bsr {

void Recorder::operator()(const ResumePoint& point, uint64_t logged) {
  if (point.position == 0 || !possible_) return;
  try {
    target_.record(continued_at(begin_, point), logged);
  } catch (const Error& error) {
    if (!missed_)
      std::fputs(fmt::format("bsr-recv: {}: how far it came cannot be recorded: {}\n",
                             options_.target, error.what())
                     .c_str(),
                 stderr);
    missed_ = {point, logged};
    return;
  }
  missed_.reset();
  kill_point("recorded");
  if (!options_.ack) return;
  const std::string text = fmt::format("durable {}\n", point.position);
  FdOutput(output_).write_all({std::as_bytes(std::span(text))});
}

void Recorder::try_again() {
  if (!missed_) return;
  const Missed last = *missed_;
  target_.give_back_behind(last.point.position);
  (*this)(last.point, last.logged);
}

}  // namespace bsr
