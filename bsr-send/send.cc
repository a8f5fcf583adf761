#include "bsr-send/send.h"

#include <unistd.h>

#include <cstdio>

#include "base/error.h"
#include "base/units.h"
#include "bsr-send/legacy_writer.h"
#include "bsr-send/resync.h"
#include "bsr-send/source.h"
#include "bsr-send/stream_writer.h"
#include "formats/delta_filters.h"
#include "formats/digest.h"
#include "formats/json_lines.h"
#include "platform/clock.h"
#include "platform/new_file.h"
#include "platform/progress_meter.h"

namespace bsr {
namespace {

// How often a receiver hears from us while nothing is sent.
constexpr std::chrono::seconds kSignOfLife{10};

/// What goes out: the plan's extents from where the stream resumes, and how much that is.
struct Shipment {
  BeginFrame begin;
  uint64_t data = 0;   ///< bytes in data extents
  uint64_t unmap = 0;  ///< bytes in unmap extents
  uint64_t extents = 0;
  Digest content_root{};  ///< when it is known before anything is sent
};

ClippedDelta extents_of(Plan& plan, const BeginFrame& begin) {
  return {std::make_unique<Plan::Reader>(plan), begin.resume.position, begin.volume_size};
}

/// A token continues only what it was made for: the same snapshots and, found anew, the same plan.
BeginFrame continued(const BeginFrame& token, const BeginFrame& now) {
  const bool same = token.volume_size == now.volume_size && token.base_size == now.base_size &&
                    token.chunk_size == now.chunk_size && token.plan_hash == now.plan_hash;
  if (!same)
    fail(ErrorKind::base,
         "--token: what is to be sent of {} is not what it was when this transfer began ({} in {} "
         "areas, then {} in {}), because a snapshot was written to or another tool made the "
         "stream; drop it on the receiver (bsr-recv -A TARGET) and send it again",
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
    shipment.content_root = resync->content.root;
  }
  shipment.begin.plan_data = plan.data_bytes();
  shipment.begin.plan_unmap = plan.unmap_bytes();
  shipment.begin.plan_extents = plan.extents();
  shipment.begin.plan_hash = plan.hash();
  if (options.resume) shipment.begin = continued(*options.resume, shipment.begin);
  ClippedDelta rest = extents_of(plan, shipment.begin);
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

/// What went out.
struct Shipped {
  Totals totals;
  Digest content_root{};
  SessionFigures figures;
};

void summarize(const SendOptions& options, const BeginFrame& begin, const Shipped& shipped) {
  const Totals& totals = shipped.totals;
  write_report(options.json_fd, json_summary(begin, totals, shipped.content_root, shipped.figures));
  write_report(options.json_fd, json_exit(0, "ok"));
  if (!options.verbose) return;
  std::fputs(fmt::format("bsr-send: {}: {} data, {} zero, {} unmapped, {} on the wire, {:.1f} s\n",
                         snapshot_name(options, begin), human_bytes(totals.data_bytes),
                         human_bytes(totals.zero_bytes), human_bytes(totals.unmap_bytes),
                         human_bytes(shipped.figures.wire), shipped.figures.seconds)
                 .c_str(),
             stderr);
}

void say_content(const std::string& name, const ContentResult& content) {
  std::fputs(fmt::format("bsr-send: {}: content root {}, read {} for it\n", name,
                         to_hex(content.root), human_bytes(content.bytes_read))
                 .c_str(),
             stderr);
}

/// After all changes were sent: what the snapshot holds as a whole. The stream does not fall silent
/// meanwhile.
Digest content_root(const SendOptions& options, const Shipment& shipment, SentContent& content,
                    Plan& plan, VolumeReader& volume, StreamWriter& writer, ProgressMeter& meter) {
  writer.checkpoint();
  auto said = steady_now();
  const ContentResult result = content.compute(plan, volume, [&](const Digest&) {
    meter.tick();
    if (steady_now() - said < kSignOfLife) return;
    writer.checkpoint();
    said = steady_now();
  });
  if (options.verbose) say_content(snapshot_name(options, shipment.begin), result);
  return result.root;
}

Shipped ship_bsr1(const SendOptions& options, const Shipment& shipment, Plan& plan,
                  SendSource& source, SentContent& content, FdOutput out, ProgressMeter& meter) {
  Shipped shipped;
  VolumeReader& volume = source.open();
  ClippedDelta extents = extents_of(plan, shipment.begin);
  PieceBase base;
  if (options.patch) base = {&source.open_base(), shipment.begin.base_size};
  PieceReader pieces(extents, volume, base);
  StreamWriter writer(std::move(out), shipment.begin, meter);
  ship(pieces, writer, options.compression, options.threads);
  shipped.content_root = shipment.content_root;
  if (options.content_digest && shipment.content_root == Digest{})
    shipped.content_root = content_root(options, shipment, content, plan, volume, writer, meter);
  shipped.totals = writer.finish(shipped.content_root);
  shipped.figures = meter.figures();
  shipped.figures.wire = writer.wire_bytes();
  return shipped;
}

Shipped ship_legacy(const SendOptions& options, const Shipment& shipment, Plan& plan,
                    SendSource& source, FdOutput out, ProgressMeter& meter) {
  Shipped shipped;
  ClippedDelta extents = extents_of(plan, shipment.begin);
  const LegacyVersion version =
      options.format == StreamFormat::thin_1_0 ? LegacyVersion::v1_0 : LegacyVersion::v1_1;
  LegacyWriter writer(std::move(out), version, meter);
  shipped.totals = writer.ship(extents, source.open());
  shipped.figures = meter.figures();
  shipped.figures.wire = writer.wire_bytes();
  return shipped;
}

void ship_stream(const SendOptions& options, const Shipment& shipment, Plan& plan,
                 SendSource& source, SentContent& content, int output) {
  ProgressMeter meter({snapshot_name(options, shipment.begin), options.verbose, options.json_fd},
                      shipment.data);
  FdOutput out(
      output, [&meter] { meter.tick(); }, StallClock(options.stall_timeout),
      RateLimit(options.limit_rate));
  summarize(options, shipment.begin,
            options.format == StreamFormat::bsr_1
                ? ship_bsr1(options, shipment, plan, source, content, std::move(out), meter)
                : ship_legacy(options, shipment, plan, source, std::move(out), meter));
}

}  // namespace

int send(const SendOptions& options, int output) {
  if (!options.dry_run && !options.output && isatty(output) == 1)
    fail(ErrorKind::usage,
         "a stream is written to standard output, and that is a terminal; use a pipe or --output "
         "FILE");
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
  if (options.dry_run) {
    source->close();
    write_report(options.json_fd, json_exit(0, "ok"));
    return 0;
  }

  std::optional<NewFile> file;
  if (options.output) file.emplace(*options.output);
  // From here on bytes go out: a failure leaves a stream without an END.
  ship_stream(options, what, plan, *source, content, file ? file->fd() : output);
  if (file) file->commit();
  content.keep();
  source->close();
  return 0;
}

}  // namespace bsr
