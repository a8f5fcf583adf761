// How far a transfer came, said and remembered while it runs.
#pragma once

#include <cstdint>
#include <optional>

#include "bsr-recv/options.h"
#include "bsr-recv/target.h"
#include "formats/frame.h"

namespace bsr {

/// Remembers what is durable for a session that continues, and only then says so. That remembering
/// fails is no reason to end a transfer: it only cannot be continued from there.
class Recorder {
 public:
  /// `possible`: there is something that a later session would find. `output`: where `--ack` says
  /// it.
  Recorder(const ReceiveOptions& options, Target& target, const BeginFrame& begin, bool possible,
           int output)
      : options_(options), target_(target), begin_(begin), possible_(possible), output_(output) {}

  void operator()(const ResumePoint& point, uint64_t logged);

  /// The session has failed, and nothing is written any more.
  void try_again();

 private:
  struct Missed {
    ResumePoint point;
    uint64_t logged = 0;
  };

  const ReceiveOptions& options_;
  Target& target_;
  const BeginFrame& begin_;
  bool possible_;
  int output_;
  std::optional<Missed> missed_;  // durable, but not recorded
};

}  // namespace bsr
