// Where a stream goes: what the story of a session asks of any kind of target.
#pragma once

#include <string>

#include "formats/frame.h"
#include "platform/volume.h"

namespace bsr {

/// One session on one target; the calls come in the order in which they stand here.
class Target {
 public:
  virtual ~Target() = default;

  /// Refuses a stream that does not belong here; changes nothing. Throws Error{base}, {diverged},
  /// {no_space}, {busy}, {usage}: the text says what to do.
  virtual void check(const BeginFrame& begin) = 0;

  /// After check(): true when this snapshot was committed here before. Nothing needs to be applied
  /// then.
  [[nodiscard]] virtual bool holds(const BeginFrame& begin) const = 0;

  /// Makes the target ready to be written. From here on, until commit(), it holds no state of the
  /// source.
  virtual VolumeSink& prepare(const BeginFrame& begin) = 0;

  /// What a failure now would leave behind and what to do about it, for the end of a message.
  [[nodiscard]] virtual std::string after_failure() const {
    return "nothing was changed; send it again";
  }

  /// After prepare(): the target is new and reads as zeros.
  [[nodiscard]] virtual bool starts_empty() const = 0;

  /// Everything was applied and flushed: makes it count. When it returns, the new state is durable.
  virtual void commit(const BeginFrame& begin) = 0;
};

}  // namespace bsr
