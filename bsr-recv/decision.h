// What is done with a stream that comes to a target: by what it is, what waits there, and what the
// target holds. Nothing has been touched then, and nothing is asked for again later.
#pragma once

#include <optional>
#include <string>
#include <variant>

#include "base/error.h"
#include "bsr-recv/generations.h"
#include "bsr-recv/holding.h"
#include "bsr-recv/waiting.h"

namespace bsr {

enum class StreamKind {
  full,
  change,
  resync,      ///< a change to a content
  continuing,  ///< the rest of any of them
};

[[nodiscard]] StreamKind kind_of(const BeginFrame& begin);

enum class Action {
  acknowledge,  ///< it was committed before: read it, write nothing
  start,        ///< over whatever half waits
  carry_on,     ///< exactly where what waits ends
};

/// Or why nothing is done, with what the user can do.
using Verdict = std::variant<Action, Error>;

/// Throws the refusal.
Action action_of(Verdict verdict);

struct ManagedFacts {
  const TargetState& state;
  bool rollback = false;  ///< newer generations, and what somebody wrote, may be left behind
};

[[nodiscard]] Verdict decide(const BeginFrame& begin, const Naming& naming, const Waiting& waiting,
                             const ManagedFacts& facts);

/// Of a stream that is not refused: the base, when nobody can say whether it stood still on the
/// sending side since it was received, because stream or generation came without a state; else
/// nullptr.
[[nodiscard]] const Generation* unproven(const TargetState& state, const BeginFrame& begin);

/// A file or device.
struct PlainFacts {
  std::optional<uint64_t> size{};     ///< of what exists
  bool is_device = false;             ///< it keeps its size
  bool may_hide = false;              ///< what it is half of may be known under another name only
  std::optional<std::string> base{};  ///< what the user says it holds
  std::optional<Holding> holding{};   ///< what it remembers
};

[[nodiscard]] Verdict decide(const BeginFrame& begin, const Naming& naming, const Waiting& waiting,
                             const PlainFacts& facts);

/// Of a stream that is not refused: whether it is a change to a base of which nobody can say that
/// it stood still on the sending side since it came. Of thin_send's streams nobody ever can.
[[nodiscard]] bool is_unproven(const BeginFrame& begin, const Waiting& waiting,
                               const PlainFacts& facts);

}  // namespace bsr
