// Where a stream goes: what the story of a session asks of any kind of target.
#pragma once

#include <functional>
#include <memory>

#include "bsr-recv/decision.h"
#include "bsr-recv/held_generation.h"
#include "bsr-recv/leftover.h"
#include "formats/delta.h"
#include "formats/frame.h"
#include "platform/block_io.h"
#include "platform/content_scan.h"
#include "platform/volume.h"

namespace bsr {

/// One session on one target; the calls come in the order in which they stand here.
class Target {
 public:
  virtual ~Target() = default;

  /// What an interrupted session left, and what this one would leave if it ended now.
  [[nodiscard]] virtual Leftover& left() = 0;

  /// Throws away what an interrupted session left, whether it can be continued or not.
  virtual void drop_partial() = 0;

  /// What is to be done with this stream; refuses one that does not belong here. Changes nothing.
  /// Throws Error{base}, {diverged}, {no_space}, {busy}, {usage}: the text says what to do.
  virtual Action check(const BeginFrame& begin) = 0;

  /// After check() said `acknowledge`: that snapshot, as it is here.
  virtual std::unique_ptr<HeldGeneration> held(const BeginFrame& begin) = 0;

  /// After check() said `acknowledge`: finishes what the session that committed it had no time for.
  virtual void settle() = 0;

  /// Makes the target ready to be written, as check() said. From here on, until commit(), it holds
  /// no state of the source.
  virtual VolumeSink& prepare(const BeginFrame& begin) = 0;

  /// After prepare(): what the sink writes to.
  [[nodiscard]] virtual const BlockFile& file() const = 0;

  /// After prepare(): layers below may exist that cannot be seen from here, in which a write brings
  /// up old content beside it.
  [[nodiscard]] virtual bool may_bring_up_old_content() const { return false; }

  /// After prepare(): what the base holds, at least where nothing was written since then.
  virtual VolumeReader& base(const BeginFrame& begin) = 0;

  /// After prepare(): what was written since then, once VolumeSink::wait() returned, and before the
  /// resume point of `begin`.
  virtual VolumeReader& written() = 0;

  /// After prepare(): it reads as zeros wherever this transfer wrote nothing.
  [[nodiscard]] virtual bool is_new() const = 0;

  /// After prepare(), before anything is written: ascending, all of the target that may hold
  /// something else than zeros behind the resume point and behind the base's end. Null when that is
  /// not known. The target outlives it.
  virtual std::unique_ptr<DeltaSource> may_hold(const BeginFrame& begin) = 0;

  /// Everything up to the resume point of `begin` was applied and flushed, and so much of the log
  /// is about that: remembers it, so that a later session can continue there. Durable when it
  /// returns.
  virtual void record(const BeginFrame& begin, uint64_t logged) = 0;

  /// After a failure, when nothing is written any more: what lies behind `position` comes again, so
  /// its room may be used for record().
  virtual void give_back_behind(uint64_t /*position*/) {}

  /// Everything was applied and flushed: what the target holds now as a whole, read from it as far
  /// as it may have changed and `gathered` does not know it; null: that is nothing. `tick` is
  /// called every now and then.
  virtual ContentResult content(const BeginFrame& begin, GatheredLeaves* gathered,
                                const std::function<void()>& tick) = 0;

  /// The same for a snapshot that check() said was committed before.
  virtual ContentResult held_content(const BeginFrame& begin,
                                     const std::function<void()>& tick) = 0;

  /// Everything was applied and flushed: throws Error{verify} where the target changed since
  /// prepare(), or since the session that this one continues began, and `log` knows of no write.
  /// Nothing stays that could be continued then. Where that cannot be known, nothing is done.
  virtual void check_untouched(const BeginFrame& /*begin*/, const WrittenLog& /*log*/) {}

  /// What was applied is not what was meant: leaves nothing that could be continued.
  virtual void discard() = 0;

  /// Everything was applied, flushed and checked: makes it count. When it returns, the new state is
  /// durable. When it throws, record() can still be called.
  virtual void commit(const BeginFrame& begin) = 0;
};

}  // namespace bsr
