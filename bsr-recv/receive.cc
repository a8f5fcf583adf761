#include "bsr-recv/receive.h"

#include <unistd.h>

#include <cstdio>

#include "base/error.h"
#include "base/units.h"
#include "bsr-recv/applier.h"
#include "bsr-recv/managed_target.h"
#include "bsr-recv/plain_target.h"
#include "bsr-recv/read_ahead.h"
#include "formats/json_lines.h"
#include "platform/progress_meter.h"

namespace bsr {
namespace {

constexpr const char* kLegacyBase = "legacy";  // a stream of thin_send names no base

/// A BEGIN for a legacy stream, which has none: what the caller says, and the target's own size.
BeginFrame legacy_begin(const ReceiveOptions& options, uint64_t size) {
  BeginFrame begin;
  begin.volume_size = size;
  begin.snapshot_id = "legacy";
  begin.name = "legacy stream";
  if (*options.legacy == LegacyMeaning::delta) {
    begin.base_id = options.base.value_or(kLegacyBase);
    begin.base_size = size;
  }
  return begin;
}

/// What comes in: its BEGIN and the frames after it.
struct Incoming {
  BeginFrame begin;
  std::unique_ptr<ReadAhead> frames;
};

Incoming open_incoming(const ReceiveOptions& options, FdInput& input, const StreamStart& start,
                       const PlainTarget* plain) {
  Incoming incoming;
  if (!start.is_legacy()) {
    incoming.frames = std::make_unique<ReadAhead>(
        [&](std::stop_token stop) { return open_format1(input, start, std::move(stop)); });
    // The grammar lets nothing but BEGIN come first.
    incoming.begin = std::get<BeginFrame>(incoming.frames->next().value().body);
    return incoming;
  }
  if (plain == nullptr)
    fail(
        ErrorKind::unsupported,
        "{}: a stream of thin_send does not say what it applies to; receive it into a plain target",
        options.target);
  if (!options.legacy)
    fail(ErrorKind::usage,
         "a stream of thin_send does not say what it is: give --legacy-as full or --legacy-as "
         "delta");
  incoming.begin = legacy_begin(options, plain->existing_size());
  incoming.frames = std::make_unique<ReadAhead>([&](std::stop_token stop) {
    return open_legacy(input, start, incoming.begin.volume_size, std::move(stop));
  });
  return incoming;
}

/// Carries out every frame, or only reads and checks them when there is no sink.
void take_frames(Incoming& incoming, Applier* applier, ProgressMeter& meter) {
  uint64_t done = 0;
  while (const std::optional<Frame> frame = incoming.frames->next()) {
    if (const auto* data = std::get_if<DataFrame>(&frame->body)) done += data->content.size();
    if (const auto* zero = std::get_if<ZeroFrame>(&frame->body))
      for (const Extent& extent : zero->extents) done += extent.length;
    if (applier != nullptr) applier->apply(frame->body);
    meter.update(done, incoming.frames->wire_bytes());
  }
}

void report(const ReceiveOptions& options, const Incoming& incoming, const ProgressMeter& meter,
            int output) {
  SessionFigures figures = meter.figures();
  figures.wire = incoming.frames->wire_bytes();
  const EndFrame totals = incoming.frames->source().totals();
  if (options.verbose)
    std::fputs(
        fmt::format("bsr-recv: {}: {} data, {} zero, {} unmapped, {} on the wire, {:.1f} s\n",
                    options.target, human_bytes(totals.data_bytes), human_bytes(totals.zero_bytes),
                    human_bytes(totals.unmap_bytes), human_bytes(figures.wire), figures.seconds)
            .c_str(),
        stderr);
  std::string text;
  if (options.json)
    text = json_summary(incoming.begin, totals, figures, !options.dry_run) + json_exit(0, "ok");
  else if (!options.dry_run)
    text = fmt::format("committed {}\n", incoming.begin.snapshot_id);
  FdOutput(output).write_all({std::as_bytes(std::span(text))});
}

std::unique_ptr<Target> open_managed(const ReceiveOptions& options) try {
  return std::make_unique<ManagedTarget>(*options.managed, options.pool);
} catch (Error& error) {
  if (error.kind() != ErrorKind::failed) throw;
  fail(error.kind(), "{}: {}; if a file is meant, say ./{}", options.target, error.what(),
       options.target);
}

std::unique_ptr<PlainTarget> open_plain(const ReceiveOptions& options, bool is_legacy) {
  std::optional<std::string> base = options.base;
  if (is_legacy && options.legacy == LegacyMeaning::delta && !base) base = kLegacyBase;
  return std::make_unique<PlainTarget>(options.target, base);
}

/// Applies the stream. From prepare() to commit() the target holds no state of the source.
void apply(Incoming& incoming, Target& target, ProgressMeter& meter) {
  VolumeSink& sink = target.prepare(incoming.begin);
  Applier applier(sink, incoming.begin, target.starts_empty());
  take_frames(incoming, &applier, meter);
  applier.finish();
  // Every byte of the stream was checked and is durable: from here on the new state counts.
  target.commit(incoming.begin);
}

/// Messages about the stream say for whom it was, and what is left of the target.
[[noreturn]] void fail_about(const Error& error, const ReceiveOptions& options,
                             const Target* target) {
  const bool about_stream = error.kind() == ErrorKind::truncated ||
                            error.kind() == ErrorKind::corrupt ||
                            error.kind() == ErrorKind::unsupported;
  if (!about_stream) throw Error(error);
  fail(error.kind(), "{}: {}; {}", options.target, error.what(),
       target == nullptr ? "nothing was changed; send it again" : target->after_failure());
}

}  // namespace

int receive(const ReceiveOptions& options, int input_fd, int output) {
  if (isatty(input_fd) == 1)
    fail(ErrorKind::usage,
         "a stream is read from standard input, and that is a terminal; pipe bsr-send into this");
  std::unique_ptr<Target> target;
  try {
    FdInput input(input_fd);
    const StreamStart start(input);
    const PlainTarget* plain = nullptr;
    if (options.managed) {
      target = open_managed(options);
    } else {
      auto owned = open_plain(options, start.is_legacy());
      plain = owned.get();
      target = std::move(owned);
    }
    Incoming incoming = open_incoming(options, input, start, plain);
    target->check(incoming.begin);

    ProgressMeter meter({options.target, options.verbose, options.json ? output : -1},
                        incoming.begin.plan_data);
    if (options.dry_run || target->holds(incoming.begin))
      take_frames(incoming, nullptr, meter);
    else
      apply(incoming, *target, meter);
    report(options, incoming, meter, output);
  } catch (const Error& error) {
    fail_about(error, options, target.get());
  }
  return 0;
}

}  // namespace bsr
