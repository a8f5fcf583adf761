#include "bsr-send/send.h"

#include <unistd.h>

#include <cstdio>

#include "base/error.h"
#include "base/units.h"
#include "bsr-send/legacy_writer.h"
#include "bsr-send/source.h"
#include "bsr-send/stream_writer.h"
#include "formats/delta_filters.h"
#include "formats/json_lines.h"
#include "platform/new_file.h"
#include "platform/progress_meter.h"

namespace bsr {
namespace {

/// What goes out: the plan's extents from where the stream resumes, and how much that is.
struct Shipment {
  BeginFrame begin;
  uint64_t data = 0;   ///< bytes in data extents
  uint64_t unmap = 0;  ///< bytes in unmap extents
  uint64_t extents = 0;
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

Shipment shipment(const SendOptions& options, const SendSource& source, Plan& plan) {
  Shipment shipment;
  shipment.begin = source.describe();
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

void summarize(const SendOptions& options, const BeginFrame& begin, const Totals& totals,
               SessionFigures figures) {
  write_report(options.json_fd, json_summary(begin, totals, figures));
  write_report(options.json_fd, json_exit(0, "ok"));
  if (!options.verbose) return;
  std::fputs(fmt::format("bsr-send: {}: {} data, {} zero, {} unmapped, {} on the wire, {:.1f} s\n",
                         snapshot_name(options, begin), human_bytes(totals.data_bytes),
                         human_bytes(totals.zero_bytes), human_bytes(totals.unmap_bytes),
                         human_bytes(figures.wire), figures.seconds)
                 .c_str(),
             stderr);
}

void ship_stream(const SendOptions& options, const Shipment& shipment, Plan& plan,
                 VolumeReader& volume, int output) {
  const BeginFrame& begin = shipment.begin;
  ProgressMeter meter({snapshot_name(options, begin), options.verbose, options.json_fd},
                      shipment.data);
  ClippedDelta extents = extents_of(plan, begin);
  FdOutput out(
      output, [&meter] { meter.tick(); }, StallClock(options.stall_timeout));
  SessionFigures figures;
  Totals totals;
  if (options.format == StreamFormat::bsr_1) {
    PieceReader pieces(extents, volume);
    StreamWriter writer(std::move(out), begin, meter);
    ship(pieces, writer, options.compression, options.threads);
    totals = writer.finish();
    figures = meter.figures();
    figures.wire = writer.wire_bytes();
  } else {
    const LegacyVersion version =
        options.format == StreamFormat::thin_1_0 ? LegacyVersion::v1_0 : LegacyVersion::v1_1;
    LegacyWriter writer(std::move(out), version, meter);
    totals = writer.ship(extents, volume);
    figures = meter.figures();
    figures.wire = writer.wire_bytes();
  }
  summarize(options, begin, totals, figures);
}

}  // namespace

int send(const SendOptions& options, int output) {
  if (!options.dry_run && !options.output && isatty(output) == 1)
    fail(ErrorKind::usage,
         "a stream is written to standard output, and that is a terminal; use a pipe or --output "
         "FILE");
  const std::unique_ptr<SendSource> source =
      options.metadata_file.empty() ? open_lvm_source(options) : open_image_source(options);

  const std::unique_ptr<Plan> plan = source->plan(options.engine);
  const Shipment what = shipment(options, *source, *plan);
  announce(options, what);
  if (options.dry_run) {
    source->close();
    write_report(options.json_fd, json_exit(0, "ok"));
    return 0;
  }

  std::optional<NewFile> file;
  if (options.output) file.emplace(*options.output);
  // From here on bytes go out: a failure leaves a stream without an END.
  ship_stream(options, what, *plan, source->open(), file ? file->fd() : output);
  if (file) file->commit();
  source->close();
  return 0;
}

}  // namespace bsr
