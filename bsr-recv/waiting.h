// What an interrupted transfer left in a target, as a value, and how a user goes on from there.
#pragma once

#include <string>

#include "formats/frame.h"

namespace bsr {

struct Waiting {
  enum class What {
    nothing,
    resumable,    ///< `begin`: of the stream that continues it
    half,         ///< of a transfer that cannot be continued
    half_resync,  ///< the same of a resync: what it began with may be damaged
    committed,    ///< nothing but a tag that its last step had not taken away yet
  };

  What what = What::nothing;
  BeginFrame begin;  ///< of `half` and `half_resync`, where that is known: of the stream that began

  [[nodiscard]] bool is_half() const {
    return what == What::resumable || what == What::half || what == What::half_resync;
  }
};

/// Whether a stream applies to what the target holds, whatever that is called.
[[nodiscard]] bool is_resync(const BeginFrame& begin);

/// The BEGIN of a stream that would continue `begin` at `point`.
[[nodiscard]] BeginFrame continued_at(const BeginFrame& begin, const ResumePoint& point);

/// Of a transfer that has begun and cannot be continued.
[[nodiscard]] Waiting begun(const BeginFrame& begin);

/// A target as its user names it.
struct Naming {
  std::string target;     ///< in messages
  std::string arguments;  ///< of bsr-recv in a command, as a shell wants them
  bool in_place = false;  ///< what is written is written over its base
};

[[nodiscard]] std::string token_of(const Naming& naming, const BeginFrame& begin);

/// What continues `begin`, to be typed as it stands.
[[nodiscard]] std::string resume_command(const Naming& naming, const BeginFrame& begin);

/// One word for any shell.
[[nodiscard]] std::string shell_word(const std::string& text);

}  // namespace bsr
