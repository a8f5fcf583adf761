// Two streams that follow each other as one: a to b, then b to c, becomes a to c.
#pragma once

#include "formats/change.h"
#include "formats/newer_wins.h"
#include "formats/plan_figures.h"

namespace bsr {

/// Throws Error{usage} for a stream that continues another one: it does not hold all changes.
void check_is_whole(const BeginFrame& begin);

/// What the merged stream is about: the snapshot of `newer`, since the base of `older`. The plan is
/// left out. Throws Error{base} unless `newer` applies to what `older` leads to, and to that in the
/// same state.
[[nodiscard]] BeginFrame merged_begin(const BeginFrame& older, const BeginFrame& newer);

/// The changes of the merged stream, from those of two whole streams side by side. What `newer`
/// names is as it says; what only `older` names stays where the last snapshot still has it; and
/// what neither names reads as zeros where the volume had ended in between. Holds one change of
/// each stream. Being a source itself, it can be merged with the next stream.
class StreamMerge final : public ChangeSource {
 public:
  /// The sources begin at their starts and outlive this. Throws as merged_begin() does.
  StreamMerge(const BeginFrame& older_begin, ChangeSource& older, const BeginFrame& newer_begin,
              ChangeSource& newer);
  StreamMerge(const StreamMerge&) = delete;
  StreamMerge& operator=(const StreamMerge&) = delete;

  [[nodiscard]] const BeginFrame& begin() const { return begin_; }

  std::optional<Change> next() override;

 private:
  std::optional<Change> next_older();

  BeginFrame begin_;
  ChangeSource& older_;
  std::optional<Extent>
      cut_off_;  // what the base and the last snapshot hold, but not the one between
  NewerWins<Change> both_;
};

/// Drains the changes of a stream for what its BEGIN says about them.
[[nodiscard]] PlanFigures plan_of(ChangeSource& changes, uint64_t chunk_size);

}  // namespace bsr
