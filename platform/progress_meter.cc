#include "platform/progress_meter.h"

#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string_view>

#include "base/units.h"
#include "platform/clock.h"
#include "platform/signals.h"

namespace bsr {
namespace {

using namespace std::chrono_literals;

double seconds_between(std::chrono::steady_clock::time_point from,
                       std::chrono::steady_clock::time_point to) {
  return std::chrono::duration<double>(to - from).count();
}

}  // namespace

void write_report(int fd, const std::string& line) noexcept {
  // Not through FdOutput: also a session that a signal ends reports its end.
  std::string_view rest = line;
  while (fd >= 0 && !rest.empty()) {
    const ssize_t done = write(fd, rest.data(), rest.size());
    if (done < 0 && errno != EINTR) return;
    if (done > 0) rest.remove_prefix(static_cast<size_t>(done));
  }
}

ProgressMeter::ProgressMeter(Options options, uint64_t total)
    : options_(std::move(options)),
      start_(steady_now()),
      drawn_(start_),
      json_sent_(start_),
      on_terminal_(isatty(STDERR_FILENO) == 1) {
  figures_.total = total;
}

ProgressMeter::~ProgressMeter() {
  if (line_open_) std::fputs("\r\033[K", stderr);
}

SessionFigures ProgressMeter::figures() const {
  SessionFigures figures = figures_;
  figures.seconds = seconds_between(start_, steady_now());
  return figures;
}

std::string ProgressMeter::line() const {
  const SessionFigures now = figures();
  const double rate = now.seconds > 0 ? static_cast<double>(now.done) / now.seconds : 0;
  std::string text =
      fmt::format("{}  {}/{}", options_.name, human_bytes(now.done), human_bytes(now.total));
  if (now.total > 0) text += fmt::format("  {}%", 100 * now.done / now.total);
  text += fmt::format("  {}/s  wire {}", human_bytes(static_cast<uint64_t>(rate)),
                      human_bytes(now.wire));
  if (rate > 0 && now.total > now.done)
    text += "  ETA " +
            human_duration(static_cast<uint64_t>(static_cast<double>(now.total - now.done) / rate));
  return text;
}

void ProgressMeter::draw() {
  if (on_terminal_) {
    std::fputs(("\r\033[K" + line()).c_str(), stderr);
    line_open_ = true;
  } else {
    std::fputs((line() + "\n").c_str(), stderr);
  }
}

void ProgressMeter::update(uint64_t done, uint64_t wire) {
  figures_.done = done;
  figures_.wire = wire;
  tick();
}

void ProgressMeter::tick() {
  const auto now = steady_now();
  const bool due = on_terminal_ ? now - drawn_ >= 200ms : options_.verbose && now - drawn_ >= 30s;
  if (due || take_status_request()) {
    draw();
    drawn_ = now;
  }
  if (options_.json_fd >= 0 && now - json_sent_ >= 1s) {
    write_report(options_.json_fd, json_status(figures()));
    json_sent_ = now;
  }
}

}  // namespace bsr
