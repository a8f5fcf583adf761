#include "bsr-send/send.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <mutex>

#include "base/error.h"
#include "base/units.h"
#include "bsr-send/fan_out.h"
#include "bsr-send/holds.h"
#include "bsr-send/legacy_writer.h"
#include "bsr-send/resync.h"
#include "bsr-send/source.h"
#include "formats/delta_filters.h"
#include "formats/digest.h"
#include "formats/json_lines.h"
#include "platform/progress_meter.h"

namespace bsr {
namespace {

/// What goes out: the plan's extents from where the stream resumes, and how much that is.
struct Shipment {
  BeginFrame begin;
  uint64_t data = 0;   ///< bytes in data extents
  uint64_t unmap = 0;  ///< bytes in unmap extents
  uint64_t extents = 0;
  Digest content_root{};  ///< when it is known before anything is sent
};

ClippedDelta extents_behind(uint64_t position, Plan& plan, const BeginFrame& begin) {
  return {std::make_unique<Plan::Reader>(plan), position, begin.volume_size};
}

/// A token continues only what it was made for: the same snapshots in the same state and, found
/// anew, the same plan.
BeginFrame continued(const BeginFrame& token, const BeginFrame& now) {
  const bool base_moved = token.base_state != now.base_state;
  if (token.has_states() && (base_moved || token.snapshot_state != now.snapshot_state))
    fail(ErrorKind::diverged,
         "--token: {} ({}) was written to, trimmed, merged or replaced since this transfer began, "
         "so "
         "what was sent need not fit what is still to come; drop that on the receiver (bsr-recv -A "
         "TARGET), take a new snapshot, and send that from a snapshot that stood still",
         base_moved ? "the base" : "the snapshot", base_moved ? now.base_id : now.name);
  const bool same = token.volume_size == now.volume_size && token.base_size == now.base_size &&
                    token.chunk_size == now.chunk_size && token.plan_hash == now.plan_hash;
  if (!same)
    fail(ErrorKind::base,
         "--token: what is to be sent of {} is not what it was when this transfer began ({} in {} "
         "areas, then {} in {}), because a snapshot was written to, a size was given that it did "
         "not have then, or another tool made the stream; drop it on the receiver (bsr-recv -A "
         "TARGET) and send it again",
         now.name, human_bytes(now.plan_data), now.plan_extents, human_bytes(token.plan_data),
         token.plan_extents);
  return token;
}

Shipment shipment(const SendOptions& options, const SendSource& source, Plan& plan,
                  const std::optional<Resync>& resync) {
  Shipment shipment;
  shipment.begin = source.describe();
  if (resync) {
    shipment.begin.base_id = resync->base_id;
    shipment.begin.base_size = resync->base_size;
    shipment.begin.base_state = {};  // it is known by its content
    shipment.content_root = resync->content.root;
  }
  shipment.begin.plan_data = plan.data_bytes();
  shipment.begin.plan_unmap = plan.unmap_bytes();
  shipment.begin.plan_extents = plan.extents();
  shipment.begin.plan_hash = plan.hash();
  if (options.resume) shipment.begin = continued(*options.resume, shipment.begin);
  ClippedDelta rest = extents_behind(shipment.begin.resume.position, plan, shipment.begin);
  while (const std::optional<DeltaExtent> extent = rest.next()) {
    (extent->kind == DeltaKind::data ? shipment.data : shipment.unmap) += extent->extent.length;
    ++shipment.extents;
  }
  return shipment;
}

/// How the user would name them.
std::string snapshot_name(const SendOptions& options, const BeginFrame& begin) {
  return options.snapshot.empty() ? begin.name : options.snapshot;
}
std::string base_name(const SendOptions& options, const BeginFrame& begin) {
  return options.base.value_or(begin.base_id);
}

/// ZFS's lines: kind and names, then the size.
std::string parsable_plan(const SendOptions& options, const Shipment& shipment) {
  const std::string snapshot = snapshot_name(options, shipment.begin);
  const std::string what =
      shipment.begin.is_full()
          ? fmt::format("full\t{}", snapshot)
          : fmt::format("incremental\t{}\t{}", base_name(options, shipment.begin), snapshot);
  return fmt::format("{}\t{}\nsize\t{}\n", what, shipment.data, shipment.data);
}

std::string readable_plan(const SendOptions& options, const Shipment& shipment) {
  const BeginFrame& begin = shipment.begin;
  const std::string snapshot = snapshot_name(options, begin);
  const std::string what = begin.is_full()
                               ? fmt::format("{} in full", snapshot)
                               : fmt::format("{} since {}", snapshot, base_name(options, begin));
  const std::string from =
      begin.resume.position == 0
          ? ""
          : fmt::format(", continued at {}", human_bytes(begin.resume.position));
  return fmt::format("bsr-send: {}{}: volume {}, to send {} in {} areas, to unmap {}\n", what, from,
                     human_bytes(begin.volume_size), human_bytes(shipment.data), shipment.extents,
                     human_bytes(shipment.unmap));
}

void announce(const SendOptions& options, const Shipment& shipment) {
  const std::string text = parsable_plan(options, shipment);
  if (options.parsable && options.dry_run)
    FdOutput(STDOUT_FILENO)
        .write_all({std::as_bytes(std::span(text))});  // a script reads it: it must arrive
  else if (options.parsable)
    std::fputs(text.c_str(), stderr);
  if (options.verbose || (options.dry_run && !options.parsable))
    std::fputs(readable_plan(options, shipment).c_str(), stderr);
}

/// `output`: which one, where there are several.
void summarize(const SendOptions& options, const BeginFrame& begin, const Shipped& shipped,
               const std::optional<std::string>& output) {
  const Totals& totals = shipped.totals;
  write_report(options.json_fd, json_summary(begin, totals, shipped.content_root, shipped.figures,
                                             std::nullopt, output));
  if (!options.verbose) return;
  std::fputs(
      fmt::format("bsr-send: {}{}: {} data, {} zero, {} unmapped, {} on the wire, {:.1f} s\n",
                  snapshot_name(options, begin), output ? " to " + *output : "",
                  human_bytes(totals.data_bytes), human_bytes(totals.zero_bytes),
                  human_bytes(totals.unmap_bytes), human_bytes(shipped.figures.wire),
                  shipped.figures.seconds)
          .c_str(),
      stderr);
}

void say_content(const std::string& name, const ContentResult& content) {
  std::fputs(fmt::format("bsr-send: {}: content root {}, read {} for it\n", name,
                         to_hex(content.root), human_bytes(content.bytes_read))
                 .c_str(),
             stderr);
}

/// A base that should be compared with and cannot.
void check_base(const SendOptions& options, const BeginFrame& begin, const SendSource& source) {
  if (begin.is_full() || source.base_problem().empty()) return;
  if (options.patch == PatchMode::always)
    fail(ErrorKind::base, "{}; leave --patch always out", source.base_problem());
  if (options.verbose)
    std::fputs(fmt::format("bsr-send: {}: whole areas are sent\n", source.base_problem()).c_str(),
               stderr);
}

/// Reads the plan and what it names, any number of times at once.
class Passes {
 public:
  /// `content`: is offered what the first pass reads; null: nobody wants it.
  Passes(const SendOptions& options, const BeginFrame& begin, Plan& plan, SendSource& source,
         SentContent* content)
      : options_(options),
        begin_(begin),
        plan_(plan),
        effort_{.compression = options.compression,
                .base = options.patch != PatchMode::never && !begin.is_full() &&
                        source.base_problem().empty(),
                .always_base = options.patch == PatchMode::always},
        content_(content),
        source_(source) {}

  [[nodiscard]] std::unique_ptr<VolumeReader> volume() {
    const std::lock_guard lock(mutex_);
    return source_.open();
  }

  void ship_from(uint64_t position, CutWriter& out) {
    Effort effort(effort_, options_.threads);
    const std::unique_ptr<VolumeReader> snapshot = volume();
    const std::unique_ptr<VolumeReader> older = base();
    ClippedDelta extents = extents_behind(position, plan_, begin_);
    References references(
        {.snapshot = [this] { return volume(); },
         .base = [this] { return base(); },
         .plan =
             [this](uint64_t from) {
               return std::make_unique<ClippedDelta>(extents_behind(from, plan_, begin_));
             },
         .size = std::min(begin_.base_size, begin_.volume_size)},
        [&effort] { return effort.refers(); },
        effort_.always_base ? References::Ahead::first : References::Ahead::in_background);
    SentContent* const content = content_for_pass();
    if (content != nullptr) content->begin_offers(position);
    PieceReader pieces(extents, *snapshot,
                       {.volume = older.get(),
                        .size = begin_.base_size,
                        .wanted = [&effort] { return effort.reads_base(); },
                        .references = &references},
                       [content](const Extent& part, ByteView bytes) {
                         if (content != nullptr) content->offer(part, bytes);
                       });
    ship(pieces, out, effort, options_.threads);
    if (content != nullptr) content->end_offers();
  }

 private:
  [[nodiscard]] std::unique_ptr<VolumeReader> base() {
    if (!effort_.base) return nullptr;
    const std::lock_guard lock(mutex_);
    return source_.open_base();
  }

  /// Passes of outputs that were too slow for the first one read what that has read already.
  [[nodiscard]] SentContent* content_for_pass() {
    const std::lock_guard lock(mutex_);
    return std::exchange(content_, nullptr);
  }

  const SendOptions& options_;
  const BeginFrame& begin_;
  Plan& plan_;
  EffortSettings effort_;
  std::mutex mutex_;      // of what follows
  SentContent* content_;  // until a pass took it
  SendSource& source_;
};

using Failures = std::vector<std::optional<Error>>;

FanOut::Reports reports(const SendOptions& options, const BeginFrame& begin,
                        const std::deque<StreamOutput>& outputs) {
  if (outputs.size() == 1)
    return {.complete = [&](size_t, const Shipped& shipped) {
      summarize(options, begin, shipped, std::nullopt);
    }};
  const auto say = [](const std::string& output, const std::string& what) {
    std::fputs(fmt::format("bsr-send: {}: {}\n", output, what).c_str(), stderr);
  };
  return {.complete =
              [&](size_t output, const Shipped& shipped) {
                summarize(options, begin, shipped, outputs.at(output).name());
              },
          .slow =
              [&options, &outputs, say](size_t output, uint64_t position) {
                if (options.verbose)
                  say(outputs.at(output).name(),
                      "is slower than others; goes on by itself from " + human_bytes(position));
              },
          .failed =
              [&outputs, say](size_t output, const Error& error) {
                if (error.kind() != ErrorKind::interrupted)
                  say(outputs.at(output).name(), error.what());
              }};
}

Failures ship_bsr1(const SendOptions& options, const Shipment& shipment, Plan& plan,
                   SendSource& source, SentContent& content, std::deque<StreamOutput>& outputs,
                   ProgressMeter& meter) {
  const bool compute_root = options.content_digest && shipment.content_root == Digest{};
  Passes passes(options, shipment.begin, plan, source, compute_root ? &content : nullptr);
  using Root = FanOut::Session::Root;
  const FanOut::Session session{
      .begin = shipment.begin,
      .ship_first =
          [&](const std::function<void(const EncodedBody&)>& put) {
            if (!shipment.begin.has_states()) return;  // the token is of a program without
            ExtentSpool::Reader own(source.own_before());
            ship_holds(own, *passes.volume(), put);
          },
      .ship_from = [&](uint64_t position, CutWriter& out) { passes.ship_from(position, out); },
      .root = compute_root                        ? Root::computed
              : shipment.content_root == Digest{} ? Root::none
                                                  : Root::known,
      .content_root =
          [&](const std::function<void(uint64_t position)>& tick) {
            if (!compute_root) return shipment.content_root;
            uint64_t looked_at = 0;
            const auto pass = [&](uint64_t leaves) {
              looked_at += leaves * kLeafSize;
              tick(std::min(looked_at, shipment.begin.volume_size));
            };
            const ContentResult result =
                content.compute(plan, *passes.volume(),
                                {.on_leaf = [&](const Digest&) { pass(1); }, .on_zeros = pass});
            if (options.verbose) say_content(snapshot_name(options, shipment.begin), result);
            return result.root;
          },
      .stall = StallClock(options.stall_timeout),
      .limit = RateLimit(options.limit_rate)};
  return FanOut(session, outputs, meter, reports(options, shipment.begin, outputs)).run();
}

/// The only output is the first.
void ship_legacy(const SendOptions& options, const Shipment& shipment, Plan& plan,
                 SendSource& source, StreamOutput& output, ProgressMeter& meter) {
  ClippedDelta extents = extents_behind(shipment.begin.resume.position, plan, shipment.begin);
  const LegacyVersion version =
      options.format == StreamFormat::thin_1_0 ? LegacyVersion::v1_0 : LegacyVersion::v1_1;
  const StallClock stall(options.stall_timeout);
  const auto tick = [&meter] { meter.tick(); };
  LegacyWriter writer(
      FdOutput(output.open(tick, stall), tick, stall, RateLimit(options.limit_rate)), version,
      meter);
  Shipped shipped;
  shipped.totals = writer.ship(extents, *source.open());
  shipped.figures = meter.figures();
  shipped.figures.wire = writer.wire_bytes();
  output.commit();
  if (shipped.figures.wire == 0)
    std::fputs(
        fmt::format("bsr-send: {}: nothing is to be sent, and a stream of format thin-1.0 is "
                    "then no bytes at all, which its reader takes for a sender that failed; "
                    "receive nothing, or use --format thin-1.1, which says that it ends\n",
                    snapshot_name(options, shipment.begin))
            .c_str(),
        stderr);
  summarize(options, shipment.begin, shipped, std::nullopt);
}

/// What went wrong for each output.
Failures ship_stream(const SendOptions& options, const Shipment& shipment, Plan& plan,
                     SendSource& source, SentContent& content, std::deque<StreamOutput>& outputs) {
  ProgressMeter meter({snapshot_name(options, shipment.begin), options.verbose, options.json_fd},
                      shipment.data);
  if (options.format == StreamFormat::bsr_1)
    return ship_bsr1(options, shipment, plan, source, content, outputs, meter);
  ship_legacy(options, shipment, plan, source, outputs.front(), meter);
  return {std::nullopt};
}

void open_outputs(const SendOptions& options, int standard_output,
                  std::deque<StreamOutput>& outputs) {
  for (const std::string& name : options.outputs) {
    for (const StreamOutput& other : outputs)
      if (other.name() == name)
        fail(ErrorKind::usage, "--output {}: is given twice; leave one out", name);
    const StreamOutput& added = outputs.emplace_back(name);
    for (const StreamOutput& other : outputs)
      if (&other != &added && other.is_same_as(added))
        fail(ErrorKind::usage, "--output {}: is the same as {}; leave one out", name, other.name());
  }
  if (outputs.empty()) outputs.emplace_back(standard_output);
}

/// One failure for all of them, if there is one. A signal says enough by itself.
void throw_failure(const std::deque<StreamOutput>& outputs, const Failures& failures) {
  std::string complete;
  std::string failed;
  const Error* first = nullptr;
  for (size_t i = 0; i < failures.size(); ++i) {
    std::string& list = failures.at(i) ? failed : complete;
    list += (list.empty() ? "" : ", ") + outputs.at(i).name();
    if (!failures.at(i)) continue;
    if (outputs.size() == 1 || failures.at(i)->kind() == ErrorKind::interrupted)
      throw Error(*failures.at(i));
    if (first == nullptr) first = &*failures.at(i);
  }
  if (first == nullptr) return;
  fail(first->kind(), "{}: not complete, see above; complete: {}", failed,
       complete.empty() ? "none" : complete);
}

}  // namespace

int send(const SendOptions& options, int output) {
  if (!options.dry_run && options.outputs.empty() && isatty(output) == 1)
    fail(ErrorKind::usage,
         "a stream is written to standard output, and that is a terminal; use a pipe or --output "
         "FILE");
  // First of all: whoever waits for one of them sees the end when something fails.
  std::deque<StreamOutput> outputs;
  if (!options.dry_run) open_outputs(options, output, outputs);
  const std::unique_ptr<SendSource> source =
      options.metadata_file.empty() ? open_lvm_source(options) : open_image_source(options);

  const std::unique_ptr<Plan> changed = source->plan(options.engine);
  SentContent content(*source, options.engine, options.threads);
  std::optional<Resync> resync;
  if (options.against) resync.emplace(plan_resync(*source, content, *changed, *options.against));
  if (resync && options.verbose) say_content(options.snapshot, resync->content);
  Plan& plan = resync ? *resync->plan : *changed;
  const Shipment what = shipment(options, *source, plan, resync);
  announce(options, what);
  check_base(options, what.begin, *source);
  if (options.dry_run) {
    source->close();
    write_report(options.json_fd, json_exit(0, "ok"));
    return 0;
  }

  // From here on bytes go out: a failure leaves a stream without an END.
  const Failures failures = ship_stream(options, what, plan, *source, content, outputs);
  if (std::ranges::any_of(failures, [](const auto& failure) { return !failure; })) content.keep();
  throw_failure(outputs, failures);
  source->close();
  write_report(options.json_fd, json_exit(0, "ok"));
  return 0;
}

}  // namespace bsr
