#include "bsr-recv/receive.h"

#include <unistd.h>

#include <cstdio>

#include "base/error.h"
#include "base/units.h"
#include "bsr-recv/applier.h"
#include "bsr-recv/checkpoints.h"
#include "bsr-recv/content_check.h"
#include "bsr-recv/digests.h"
#include "bsr-recv/held_comparison.h"
#include "bsr-recv/incoming.h"
#include "bsr-recv/managed_target.h"
#include "bsr-recv/plain_target.h"
#include "bsr-recv/recorder.h"
#include "formats/digest.h"
#include "formats/frame_encoder.h"
#include "formats/json_lines.h"
#include "platform/kill_point.h"
#include "platform/progress_meter.h"
#include "platform/signals.h"

namespace bsr {
namespace {

/// Bytes of the plan that a frame accounts for.
uint64_t planned_bytes(const FrameBody& body) {
  if (const auto* data = std::get_if<DataFrame>(&body)) return data->content.size();
  if (const auto* patch = std::get_if<PatchFrame>(&body)) return total_length(patch->extents);
  if (const auto* zero = std::get_if<ZeroFrame>(&body)) return total_length(zero->extents);
  return 0;
}

void print(int output, const std::string& text) {
  FdOutput(output).write_all({std::as_bytes(std::span(text))});
}

/// Reads and checks what is left of the stream.
void pass_over(Incoming& incoming, ProgressMeter& meter) {
  uint64_t done = 0;
  while (const std::optional<Frame> frame = incoming.next()) {
    done += planned_bytes(frame->body);
    meter.update(done, incoming.frames->wire_bytes());
  }
}

void report(const ReceiveOptions& options, const Incoming& incoming, const ProgressMeter& meter,
            int output) {
  SessionFigures figures = meter.figures();
  figures.wire = incoming.frames->wire_bytes();
  const Totals totals = incoming.frames->progress().totals;
  if (options.verbose)
    std::fputs(
        fmt::format("bsr-recv: {}: {} data, {} zero, {} unmapped, {} on the wire, {:.1f} s\n",
                    options.target, human_bytes(totals.data_bytes), human_bytes(totals.zero_bytes),
                    human_bytes(totals.unmap_bytes), human_bytes(figures.wire), figures.seconds)
            .c_str(),
        stderr);
  std::string text;
  if (options.json)
    text = json_summary(incoming.begin, totals, incoming.content_root, figures, !options.dry_run) +
           json_exit(0, "ok");
  else if (!options.dry_run)
    text = options.ack ? fmt::format("committed {} {}\n", incoming.begin.snapshot_id,
                                     to_hex(incoming.has_content_root() ? incoming.content_root
                                                                        : totals.digest))
                       : fmt::format("committed {}\n", incoming.begin.snapshot_id);
  print(output, text);
}

Naming naming_of(const ReceiveOptions& options) {
  std::string arguments = shell_word(options.target);
  if (options.target.starts_with('-')) arguments = shell_word("./" + options.target);
  return {options.target, arguments, !options.managed};
}

std::unique_ptr<Target> open_managed(const ReceiveOptions& options) try {
  return std::make_unique<ManagedTarget>(
      *options.managed, naming_of(options),
      ManagedTarget::Options{.pool = options.pool,
                             .rollback = options.rollback,
                             .reserve = options.reserve,
                             .reads_everything = options.verify == Verify::all});
} catch (Error& error) {
  if (error.kind() != ErrorKind::failed) throw;
  fail(error.kind(), "{}: {}; if a file is meant, say ./{}", options.target, error.what(),
       options.target);
}

std::unique_ptr<PlainTarget> open_plain(const ReceiveOptions& options, bool is_legacy) {
  std::optional<std::string> base = options.base;
  if (is_legacy && options.legacy == LegacyMeaning::delta && !base) base = kLegacyBase;
  return std::make_unique<PlainTarget>(options.target, naming_of(options), base);
}

/// Of a full stream the gaps are zero, whatever a device brought up while it was written. The log
/// is that of the whole transfer, unless what was cut before left none.
void zero_gaps_again(const Target& target, const BeginFrame& begin, WrittenLog& log,
                     VolumeSink& volume) {
  if (!target.may_bring_up_old_content() || !begin.is_full()) return;
  log.write_out();
  zero_what_came_up(
      target.file(), [&log] { return std::make_unique<TouchedExtents>(log); }, volume);
}

/// Carries out every frame; what was durable when it failed stays for another session.
void apply_frames(Incoming& incoming, Applier& applier, Checkpoints& checkpoints,
                  Recorder& recorder, ProgressMeter& meter,
                  const std::function<void()>& zero_again) {
  uint64_t done = 0;
  try {
    while (std::optional<Frame> frame = incoming.next()) {
      throw_if_stopped();  // frames that were read already wait here, and may take their time
      done += planned_bytes(frame->body);
      const bool is_checkpoint = std::holds_alternative<CheckpointFrame>(frame->body);
      applier.apply(std::move(frame->body));
      kill_point("applied");
      if (is_checkpoint)
        checkpoints.passed(incoming.frames->progress(), incoming.frames->wire_bytes(), done);
      meter.update(done, incoming.frames->wire_bytes());
    }
    checkpoints.settle();
    applier.finish();
    zero_again();
    checkpoints.finish();
    kill_point("finished");
  } catch (const Error&) {
    try {
      checkpoints.record();
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): it did not come so far
    }
    try {
      recorder.try_again();
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): the failure that brought us here
                              // counts more, and the last checkpoint stays
    }
    throw;
  }
}

/// A resync has nothing else that says what it led to.
bool must_read_content(const ReceiveOptions& options, const BeginFrame& begin) {
  return options.verify != Verify::none || is_resync(begin);
}

void warn_without_root(const ReceiveOptions& options) {
  std::fputs(fmt::format("bsr-recv: {}: --verify all: the stream does not say what the whole "
                         "snapshot holds, so only what was written was read back; send with "
                         "--content-digest\n",
                         options.target)
                 .c_str(),
             stderr);
}

/// What an earlier session wrote lies there as it was written: what was restored since, or stands
/// in its place, would be taken for it.
void check_what_waits(const Leftover& left, ReadBack& read_back, const WrittenLog& log) try {
  read_back.up_to(log.length(), throw_if_stopped);
} catch (const Error& error) {
  if (error.kind() == ErrorKind::verify) left.fail_changed();
  throw;
}

/// For what is read back, when that is wanted once more at the end. `unwritten`: what holds zeros
/// wherever the stream writes nothing, and gets none; null: there is no such thing.
std::unique_ptr<GatheredLeaves> leaves_to_gather(const ReceiveOptions& options,
                                                 const Incoming& incoming,
                                                 VolumeReader* unwritten) {
  if (!incoming.announces_root || options.verify == Verify::none) return nullptr;
  return std::make_unique<GatheredLeaves>(incoming.begin.volume_size, default_scan_threads(),
                                          unwritten);
}

/// The target as a whole is what the stream says it shall be, if that says so.
void check_content(const ReceiveOptions& options, const Incoming& incoming, Target& target,
                   GatheredLeaves* gathered, ProgressMeter& meter) {
  if (!incoming.has_content_root()) {
    if (options.verify == Verify::all) warn_without_root(options);
    return;
  }
  if (!must_read_content(options, incoming.begin)) return;
  if (gathered != nullptr) gathered->finish();
  const ContentResult content =
      target.content(incoming.begin, gathered, [&meter] { meter.tick(); });
  if (options.verbose) std::fputs(content_text(options.target, content).c_str(), stderr);
  if (content.root == incoming.content_root) return;
  target.discard();
  throw wrong_content(incoming.begin, incoming.content_root, content.root);
}

/// Applies the stream. From prepare() to commit() the target holds no state of the source.
void apply(const ReceiveOptions& options, Incoming& incoming, Target& target, ProgressMeter& meter,
           int output) {
  const BeginFrame& begin = incoming.begin;
  kill_point("checked");
  incoming.await_first();  // a sender that fails at once leaves no trace
  VolumeSink& volume = target.prepare(begin);
  kill_point("prepared");
  // Of a resync what came so far differs no more when it starts again.
  const bool is_kept = options.resumable && !is_resync(begin);
  const std::unique_ptr<WrittenLog> log = target.left().open_log(is_kept);
  const bool starts_empty = target.is_new() && begin.resume.position == 0;
  BorrowedReader unwritten(target.file());
  const std::unique_ptr<GatheredLeaves> leaves =
      leaves_to_gather(options, incoming, starts_empty ? &unwritten : nullptr);
  ReadBack read_back(target.file(), *log, 0,
                     gathered_in(leaves.get(), !target.may_bring_up_old_content()));
  if (options.verify != Verify::none) check_what_waits(target.left(), read_back, *log);
  LoggedSink sink(volume, *log);
  Applier applier(sink, begin, target.may_hold(begin),
                  {.base = [&]() -> VolumeReader& { return target.base(begin); },
                   .written = [&]() -> VolumeReader& { return target.written(); }});
  Recorder recorder(options, target, begin, is_kept && log->has_name(), output);
  Checkpoints checkpoints(
      sink, *log, options.verify == Verify::none ? nullptr : &read_back, begin,
      [&](const ResumePoint& point, uint64_t logged) { recorder(point, logged); });
  apply_frames(incoming, applier, checkpoints, recorder, meter,
               [&] { zero_gaps_again(target, begin, *log, volume); });
  check_content(options, incoming, target, leaves.get(), meter);
  target.check_untouched(begin, *log);
  // Every byte of the stream was checked, is durable and was read back: from here on the new state
  // counts.
  try {
    target.commit(begin);
  } catch (const Error&) {
    checkpoints.record_again();
    throw;
  }
  kill_point("unacknowledged");
}

/// What is refused for what the target holds comes with its advice.
bool has_advice(const Error& error, const Leftover& left) {
  return error.kind() == ErrorKind::base || error.kind() == ErrorKind::diverged ||
         error.kind() == ErrorKind::usage ||
         (error.kind() == ErrorKind::busy && !left.waiting().is_half());
}

/// A failure names the target, and says at the end what is left of it.
void apply_or_fail(const ReceiveOptions& options, Incoming& incoming, Target& target,
                   ProgressMeter& meter, int output) try {
  apply(options, incoming, target, meter, output);
} catch (const Error& error) {
  const std::string what = error.what();
  const std::string name = what.starts_with(options.target + ": ") ? "" : options.target + ": ";
  const Leftover& left = target.left();
  left.tidy();
  if (const auto token = options.json ? left.token() : std::nullopt)
    write_report(output, json_resume(*token, left.waiting().begin.resume.position));
  // What stands in HOLDS frames; the one other thing of that kind is found before a transfer
  // begins.
  if (error.kind() == ErrorKind::diverged && incoming.begin.resume.position != 0)
    fail(error.kind(),
         "{}{}; nothing was changed. Drop what is here of it with\n  bsr-recv -A {}\ntake a new "
         "snapshot, and send that",
         name, what, left.naming().arguments);
  if (has_advice(error, left)) fail(error.kind(), "{}{}", name, what);
  fail(error.kind(), "{}{}; {}", name, what, left.last_message());
}

std::unique_ptr<Target> open_target(const ReceiveOptions& options) {
  if (options.managed) return open_managed(options);
  return open_plain(options, false);
}

/// Nothing is received: what an interrupted transfer left is shown or dropped.
int look_after_partial(const ReceiveOptions& options, int output) {
  const std::unique_ptr<Target> target = open_target(options);
  if (options.drop_partial)
    target->drop_partial();
  else if (const std::optional<std::string> token = target->left().token())
    print(output, options.json ? json_resume(*token, target->left().waiting().begin.resume.position)
                               : *token + '\n');
  return 0;
}

/// Reads what is left of a stream whose snapshot is here already: it may have been written to in
/// place since, which leaves no trace but another content.
void compare(const ReceiveOptions& options, Incoming& incoming, Target& target,
             ProgressMeter& meter) try {
  const std::unique_ptr<HeldGeneration> held = target.held(incoming.begin);
  HeldComparison comparison(held->volume(), held->mapped(), incoming.begin, [&meter] {
    throw_if_stopped();
    meter.tick();
  });
  uint64_t done = 0;
  while (const std::optional<Frame> frame = incoming.next()) {
    done += planned_bytes(frame->body);
    comparison.look_at(frame->body);
    meter.update(done, incoming.frames->wire_bytes());
  }
  comparison.finish();
} catch (const Error& error) {
  if (error.kind() != ErrorKind::diverged) throw;
  fail(error.kind(), "{}: {}", options.target, error.what());
}

/// It was committed before: what came is checked, and what is there as far as the stream says.
void acknowledge(const ReceiveOptions& options, Incoming& incoming, Target& target,
                 ProgressMeter& meter) {
  while_untouched(options, [&] { compare(options, incoming, target, meter); });
  target.settle();
  if (!incoming.has_content_root()) return;
  const Digest here = target.held_content(incoming.begin, [&meter] { meter.tick(); }).root;
  if (here != incoming.content_root)
    fail(ErrorKind::verify, "{}: {}; nothing was changed", options.target,
         wrong_content(incoming.begin, incoming.content_root, here).what());
}

}  // namespace

int receive(const ReceiveOptions& options, int input_fd, int output) {
  if (options.digests) return write_digests(options, output);
  if (options.show_token || options.drop_partial) return look_after_partial(options, output);
  if (isatty(input_fd) == 1)
    fail(ErrorKind::usage,
         "a stream is read from standard input, and that is a terminal; pipe bsr-send into this");
  FdInput input(input_fd, StallClock(options.stall_timeout));
  // What is no stream will be none the next time.
  const StreamStart start = while_untouched(
      options, [&] { return StreamStart(input); }, "");
  std::unique_ptr<Target> target;
  const PlainTarget* plain = nullptr;
  if (options.managed) {
    target = open_managed(options);
  } else {
    auto owned = open_plain(options, start.is_legacy());
    plain = owned.get();
    target = std::move(owned);
  }
  Incoming incoming =
      while_untouched(options, [&] { return open_incoming(options, input, start, plain); });
  const Action action = target->check(incoming.begin);
  ProgressMeter meter({options.target, options.verbose, options.json ? output : -1},
                      incoming.begin.plan_data);
  if (options.dry_run)
    while_untouched(options, [&] { pass_over(incoming, meter); });
  else if (action == Action::acknowledge)
    acknowledge(options, incoming, *target, meter);
  else
    apply_or_fail(options, incoming, *target, meter, output);
  meter.complete();
  report(options, incoming, meter, output);
  return 0;
}

}  // namespace bsr
