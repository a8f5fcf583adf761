// Tells a person, and a program when asked, how far a session has come.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

#include "formats/json_lines.h"

namespace bsr {

/// On a terminal one line that is redrawn at most five times a second; elsewhere, when verbose, a
/// line every 30 s; a line at once after SIGUSR1. JSON status goes to `json_fd` once a second.
class ProgressMeter {
 public:
  struct Options {
    std::string name;  ///< what is being transferred
    bool verbose = false;
    int json_fd = -1;
  };
  ProgressMeter(Options options, uint64_t total);
  ~ProgressMeter();  // clears the line
  ProgressMeter(const ProgressMeter&) = delete;
  ProgressMeter& operator=(const ProgressMeter&) = delete;

  /// Cheap enough to be called for every frame.
  void update(uint64_t done, uint64_t wire);

  /// There is nothing left to do: what is missing was left out, or done by an earlier session.
  void complete() { figures_.done = std::max(figures_.done, figures_.total); }

  /// The same without news: for loops that wait.
  void tick();

  [[nodiscard]] SessionFigures figures() const;

 private:
  [[nodiscard]] std::string line() const;
  void draw();

  Options options_;
  SessionFigures figures_;
  std::chrono::steady_clock::time_point start_;
  std::chrono::steady_clock::time_point drawn_;
  std::chrono::steady_clock::time_point json_sent_;
  bool on_terminal_;
  bool line_open_ = false;
};

/// Writes a JSON line to a descriptor; a reader that is gone is ignored, for a report must not end
/// a transfer.
void write_report(int fd, const std::string& line) noexcept;

}  // namespace bsr
