#include "bsr-recv/decision.h"

#include "base/units.h"
#include "formats/frame_encoder.h"

namespace bsr {
namespace {

using What = Waiting::What;
using Refusal = std::optional<Error>;

template <typename... Args>
Error refusal(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  return {kind, fmt::format(format, std::forward<Args>(args)...)};
}

Refusal unless_the_way_is_free(const Naming& naming, const Waiting& waiting) {
  if (waiting.what != What::resumable) return std::nullopt;
  const BeginFrame& part = waiting.begin;
  return refusal(ErrorKind::base,
                 "{}: holds a part of snapshot {}, {} of {}, that another stream must not replace; "
                 "continue it with\n  {}\nor drop it with\n  bsr-recv -A {}",
                 naming.target, part.snapshot_id, human_bytes(part.resume.position),
                 human_bytes(part.volume_size), resume_command(naming, part), naming.arguments);
}

Refusal unless_it_waits(const BeginFrame& begin, const Naming& naming, const Waiting& waiting) {
  if (waiting.what != What::resumable)
    return refusal(
        ErrorKind::base,
        "{}: the stream continues a transfer of {} at byte {}, but none waits here (it was "
        "finished, dropped, came to another host, or what it wrote was replaced); send it from its "
        "start",
        naming.target, begin.snapshot_id, begin.resume.position);
  const BeginFrame& part = waiting.begin;
  if (begin_identity(part) != begin_identity(begin))
    return refusal(
        ErrorKind::base,
        "{}: the stream continues a transfer of {}, but what waits here is a part of {}; continue "
        "that with\n  {}\nor drop it with\n  bsr-recv -A {}",
        naming.target, begin.snapshot_id, part.snapshot_id, resume_command(naming, part),
        naming.arguments);
  if (part.resume != begin.resume)
    return refusal(
        ErrorKind::base,
        "{}: the stream continues at byte {}, what waits here ends at {}: the token is outdated; "
        "continue with\n  {}",
        naming.target, begin.resume.position, part.resume.position, resume_command(naming, part));
  return std::nullopt;
}

/// What one of the two does not know says nothing.
bool moved(const SourceState& then, const SourceState& now) {
  return then != now && then != SourceState{} && now != SourceState{};
}

Refusal unless_base_stood_still(const Generation& base, const BeginFrame& begin,
                                const Naming& naming) {
  if (!moved(base.state, begin.base_state)) return std::nullopt;
  return refusal(
      ErrorKind::diverged,
      "{}: the base {}, here as {}, was written to, trimmed, merged or replaced on the sending "
      "side "
      "since it was received, so the change does not apply; send a change to another snapshot that "
      "both sides have, or send against what is here (bsr-recv --digests {}, bsr-send --against)",
      naming.target, begin.base_id, base.volume.name.lv, naming.arguments);
}

/// Of a snapshot that is a generation already.
Refusal unless_it_is_the_same(const BeginFrame& begin, const Naming& naming,
                              const TargetState& state) {
  const Generation& here = *state.find(begin.snapshot_id);
  if (moved(here.state, begin.snapshot_state) || here.size != begin.volume_size)
    return refusal(
        ErrorKind::diverged,
        "{}: snapshot {} is here as {}, and was written to, trimmed, resized, merged or replaced "
        "on "
        "the sending side since it was received; send it, or better a new read-only snapshot, "
        "against what is here (bsr-recv --digests {}, bsr-send --against)",
        naming.target, begin.snapshot_id, here.volume.name.lv, naming.arguments);
  const Generation* base = state.base_of(begin);
  return base == nullptr ? std::nullopt : unless_base_stood_still(*base, begin, naming);
}

Refusal unless_base_is_whole(const Generation& base, const BeginFrame& begin,
                             const Naming& naming) {
  if (base.size == begin.base_size) return unless_base_stood_still(base, begin, naming);
  return refusal(
      ErrorKind::base,
      "{}: the stream's base has {} bytes, generation {} has {}; the base was changed after "
      "it was sent",
      naming.target, begin.base_size, base.volume.name.lv, base.size);
}

/// A change to something else than the newest generation.
Refusal unless_base_is_newest(const BeginFrame& begin, const Naming& naming,
                              const ManagedFacts& facts) {
  const Generation* newest = facts.state.newest();
  if (newest == nullptr)
    return refusal(
        ErrorKind::base,
        "{}: holds nothing, and the stream is a change to snapshot {}; send a full stream first",
        naming.target, begin.base_id);
  const Generation* base = facts.state.base_of(begin);
  if (base == nullptr)
    return refusal(
        ErrorKind::base,
        "{}: the stream is a change to snapshot {}, which is no generation here; the newest is {} "
        "({}): send a change to that",
        naming.target, begin.base_id, newest->volume.name.lv, newest->uuid);
  if (base != newest && !facts.rollback)
    return refusal(
        ErrorKind::diverged,
        "{}: the stream is a change to {} ({}), the last state both sides have, but the newest "
        "generation is {} ({}); send a change to that, or go back with --rollback, which keeps "
        "the newer generations",
        naming.target, base->volume.name.lv, base->uuid, newest->volume.name.lv, newest->uuid);
  if (is_resync(begin)) return std::nullopt;  // it has read all of it
  return unless_base_is_whole(*base, begin, naming);
}

Refusal unless_target_is_new(const Naming& naming, const TargetState& state) {
  const Generation* newest = state.newest();
  if (newest == nullptr) return std::nullopt;
  return refusal(ErrorKind::base,
                 "{}: holds generations, the newest is {} ({}), and this is a full stream; send a "
                 "change to that (bsr-send -i), or receive under another name",
                 naming.target, newest->volume.name.lv, newest->uuid);
}

/// What it goes on from was decided when it began, which may have been a rollback.
Refusal unless_base_is_still_here(const BeginFrame& begin, const Naming& naming,
                                  const TargetState& state) {
  if (begin.is_full()) return std::nullopt;
  const Generation* base = state.find(begin.base_id);
  if (base != nullptr) return unless_base_is_whole(*base, begin, naming);
  return refusal(ErrorKind::base,
                 "{}: the transfer that waits here is a change to snapshot {}, which is no "
                 "generation any more; drop it with\n  bsr-recv -A {}\nand send a change to the "
                 "newest",
                 naming.target, begin.base_id, naming.arguments);
}

Verdict or_else(Refusal refused, Action action) {
  if (refused) return *std::move(refused);
  return action;
}

Refusal first_of(Refusal one, Refusal other) { return one ? std::move(one) : std::move(other); }

/// Of the caller's words alone.
Refusal unless_base_is_said(const BeginFrame& begin, const Naming& naming,
                            const PlainFacts& facts) {
  if (begin.is_full()) {
    if (!facts.base) return std::nullopt;
    return refusal(ErrorKind::usage,
                   "--base {}: this is a full stream, it needs no base; leave --base out",
                   *facts.base);
  }
  if (!facts.base && kind_of(begin) == StreamKind::change)
    return refusal(ErrorKind::base,
                   "{}: the stream is a change to snapshot {}; if that is what the target holds, "
                   "say --base {}",
                   naming.target, begin.base_id, begin.base_id);
  if (facts.base && *facts.base != begin.base_id)
    return refusal(
        ErrorKind::base,
        "{}: the stream is a change to snapshot {}, the target holds {}; send a change to that, "
        "or a full stream",
        naming.target, begin.base_id, *facts.base);
  if (facts.size) return std::nullopt;
  return refusal(ErrorKind::base,
                 "{}: does not exist, and the stream is only a change; send a full stream first",
                 naming.target);
}

/// A stream of thin_send says nothing of its plan, nor of what its base was.
bool is_of_thin_send(const BeginFrame& begin) { return begin.plan_hash == Digest{}; }

bool is_same_again(const BeginFrame& begin, const Waiting& waiting) {
  return waiting.is_half() && !is_of_thin_send(begin) &&
         begin_identity(begin) == begin_identity(waiting.begin);
}

Refusal unless_it_has_room(const BeginFrame& begin, const Naming& naming, const Waiting& waiting,
                           const PlainFacts& facts) {
  if (!facts.size) return std::nullopt;
  // A file is given its new size before anything is written to it.
  const bool needs_new_size =
      begin.is_full() || facts.is_device || kind_of(begin) == StreamKind::continuing;
  const uint64_t wanted = needs_new_size ? begin.volume_size : begin.base_size;
  if (*facts.size == wanted) return std::nullopt;
  if (*facts.size == begin.volume_size && is_same_again(begin, waiting)) return std::nullopt;
  return refusal(ErrorKind::base,
                 "{}: holds {} bytes where {} belong; give a target of the right size",
                 naming.target, *facts.size, wanted);
}

/// A change to what is half of something else would leave the places alone that are wrong. The same
/// change again writes all of them.
Refusal unless_it_is_whole(const BeginFrame& begin, const Naming& naming, const Waiting& waiting,
                           const PlainFacts& facts) {
  if (kind_of(begin) != StreamKind::change || is_same_again(begin, waiting)) return std::nullopt;
  if (waiting.is_half())
    return refusal(
        ErrorKind::base,
        "{}: a transfer into it was interrupted, so it does not hold {}; send a full stream, or "
        "take its digests (bsr-recv --digests {}) and send against them (bsr-send --against)",
        naming.target, begin.base_id, naming.arguments);
  if (facts.may_hide)
    return refusal(
        ErrorKind::base,
        "{}: the file has several names, and its file system keeps no attributes, so it may be "
        "half written under another name; send a full stream, or take its digests (bsr-recv "
        "--digests {}) and send against them (bsr-send --against)",
        naming.target, naming.arguments);
  return std::nullopt;
}

/// Of that base; what else the target remembers is not what the user says it holds.
bool remembers_base(const BeginFrame& begin, const PlainFacts& facts) {
  return facts.holding && facts.holding->snapshot_id == begin.base_id;
}

Refusal unless_its_base_stood_still(const BeginFrame& begin, const Naming& naming,
                                    const PlainFacts& facts) {
  if (kind_of(begin) != StreamKind::change || !remembers_base(begin, facts) ||
      !moved(facts.holding->state, begin.base_state))
    return std::nullopt;
  return refusal(ErrorKind::diverged,
                 "{}: the base {} was written to, trimmed, merged or replaced on the sending side "
                 "since it was received, so the change does not apply; send a full stream, or take "
                 "the target's digests (bsr-recv --digests {}) and send against them (bsr-send "
                 "--against)",
                 naming.target, begin.base_id, naming.arguments);
}

}  // namespace

StreamKind kind_of(const BeginFrame& begin) {
  if (begin.resume.position != 0) return StreamKind::continuing;
  if (begin.is_full()) return StreamKind::full;
  return is_resync(begin) ? StreamKind::resync : StreamKind::change;
}

Action action_of(Verdict verdict) {
  if (auto* refused = std::get_if<Error>(&verdict)) throw std::move(*refused);
  return std::get<Action>(verdict);
}

Verdict decide(const BeginFrame& begin, const Naming& naming, const Waiting& waiting,
               const ManagedFacts& facts) {
  const TargetState& state = facts.state;
  const StreamKind kind = kind_of(begin);
  if (state.name_taken)
    return refusal(ErrorKind::diverged,
                   "{}: a volume of this name exists, so this target was promoted or is not ours; "
                   "rename it or receive under another name",
                   naming.target);
  // A generation may be damaged, so one that is resynchronized is not taken for it.
  if (!is_resync(begin) && state.find(begin.snapshot_id) != nullptr)
    return or_else(unless_it_is_the_same(begin, naming, state), Action::acknowledge);
  if (waiting.what == What::half_resync && kind != StreamKind::resync && !facts.rollback)
    return refusal(
        ErrorKind::diverged,
        "{}: a resync was interrupted, so {} may hold what nobody sent; run the resync again "
        "(bsr-recv --digests {}, bsr-send --against), or drop it when you know better, with\n"
        "  bsr-recv -A {}",
        naming.target, state.newest() == nullptr ? naming.target : state.newest()->volume.name.lv,
        naming.arguments, naming.arguments);
  switch (kind) {
    case StreamKind::continuing:
      return or_else(first_of(unless_it_waits(begin, naming, waiting),
                              unless_base_is_still_here(begin, naming, state)),
                     Action::carry_on);
    case StreamKind::full:
      return or_else(
          first_of(unless_target_is_new(naming, state), unless_the_way_is_free(naming, waiting)),
          Action::start);
    case StreamKind::change:
    case StreamKind::resync:
      return or_else(first_of(unless_base_is_newest(begin, naming, facts),
                              unless_the_way_is_free(naming, waiting)),
                     Action::start);
  }
  return refusal(ErrorKind::failed, "{}: no such kind of stream", naming.target);
}

const Generation* unproven(const TargetState& state, const BeginFrame& begin) {
  if (begin.is_full() || is_resync(begin)) return nullptr;
  const Generation* base = state.base_of(begin);
  const bool is_known =
      base == nullptr || (base->state != SourceState{} && begin.base_state != SourceState{});
  return is_known ? nullptr : base;
}

Verdict decide(const BeginFrame& begin, const Naming& naming, const Waiting& waiting,
               const PlainFacts& facts) {
  if (Refusal refused = unless_base_is_said(begin, naming, facts)) return *std::move(refused);
  const bool continues = kind_of(begin) == StreamKind::continuing;
  Refusal refused =
      continues ? unless_it_waits(begin, naming, waiting) : unless_the_way_is_free(naming, waiting);
  if (!refused) refused = unless_it_is_whole(begin, naming, waiting, facts);
  if (!refused) refused = unless_its_base_stood_still(begin, naming, facts);
  if (!refused) refused = unless_it_has_room(begin, naming, waiting, facts);
  return or_else(std::move(refused), continues ? Action::carry_on : Action::start);
}

/// What is half and comes again had its base compared when it came first.
bool is_unproven(const BeginFrame& begin, const Waiting& waiting, const PlainFacts& facts) {
  return kind_of(begin) == StreamKind::change && !is_of_thin_send(begin) && !waiting.is_half() &&
         (!remembers_base(begin, facts) || begin.base_state == SourceState{});
}

}  // namespace bsr
