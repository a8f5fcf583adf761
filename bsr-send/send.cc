#include "bsr-send/send.h"

#include <unistd.h>

#include <cstdio>

#include "base/error.h"
#include "base/units.h"
#include "bsr-send/legacy_writer.h"
#include "bsr-send/source.h"
#include "bsr-send/stream_writer.h"
#include "formats/json_lines.h"
#include "platform/new_file.h"
#include "platform/progress_meter.h"

namespace bsr {
namespace {

BeginFrame begin_frame(const SendSource& source, const Plan& plan) {
  BeginFrame begin = source.describe();
  begin.plan_data = plan.data_bytes();
  begin.plan_unmap = plan.unmap_bytes();
  begin.plan_extents = plan.extents();
  begin.plan_hash = plan.hash();
  return begin;
}

/// ZFS's lines: kind and names, then the size.
std::string parsable_plan(const SendOptions& options, const Plan& plan) {
  const std::string what = options.base
                               ? fmt::format("incremental\t{}\t{}", *options.base, options.snapshot)
                               : fmt::format("full\t{}", options.snapshot);
  return fmt::format("{}\t{}\nsize\t{}\n", what, plan.data_bytes(), plan.data_bytes());
}

std::string readable_plan(const SendOptions& options, const BeginFrame& begin) {
  const std::string what = options.base
                               ? fmt::format("{} since {}", options.snapshot, *options.base)
                               : fmt::format("{} in full", options.snapshot);
  return fmt::format("bsr-send: {}: volume {}, to send {} in {} areas, to unmap {}\n", what,
                     human_bytes(begin.volume_size), human_bytes(begin.plan_data),
                     begin.plan_extents, human_bytes(begin.plan_unmap));
}

void announce(const SendOptions& options, const BeginFrame& begin, const Plan& plan) {
  const std::string text = parsable_plan(options, plan);
  if (options.parsable && options.dry_run)
    FdOutput(STDOUT_FILENO)
        .write_all({std::as_bytes(std::span(text))});  // a script reads it: it must arrive
  else if (options.parsable)
    std::fputs(text.c_str(), stderr);
  if (options.verbose || (options.dry_run && !options.parsable))
    std::fputs(readable_plan(options, begin).c_str(), stderr);
}

void summarize(const SendOptions& options, const BeginFrame& begin, const EndFrame& end,
               SessionFigures figures) {
  write_report(options.json_fd, json_summary(begin, end, figures));
  write_report(options.json_fd, json_exit(0, "ok"));
  if (!options.verbose) return;
  std::fputs(fmt::format("bsr-send: {}: {} data, {} zero, {} unmapped, {} on the wire, {:.1f} s\n",
                         options.snapshot, human_bytes(end.data_bytes), human_bytes(end.zero_bytes),
                         human_bytes(end.unmap_bytes), human_bytes(figures.wire), figures.seconds)
                 .c_str(),
             stderr);
}

void ship_stream(const SendOptions& options, const BeginFrame& begin, Plan& plan,
                 VolumeReader& volume, int output) {
  ProgressMeter meter({options.snapshot, options.verbose, options.json_fd}, begin.plan_data);
  Plan::Reader extents(plan);
  SessionFigures figures;
  EndFrame end;
  if (options.format == StreamFormat::bsr_1) {
    PieceReader pieces(extents, volume);
    StreamWriter writer(FdOutput(output, [&meter] { meter.tick(); }), begin, meter);
    ship(pieces, writer, options.compression, options.threads);
    end = writer.finish();
    figures = meter.figures();
    figures.wire = writer.wire_bytes();
  } else {
    const LegacyVersion version =
        options.format == StreamFormat::thin_1_0 ? LegacyVersion::v1_0 : LegacyVersion::v1_1;
    LegacyWriter writer(FdOutput(output, [&meter] { meter.tick(); }), version, meter);
    end = writer.ship(extents, volume);
    figures = meter.figures();
    figures.wire = writer.wire_bytes();
  }
  summarize(options, begin, end, figures);
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
  const BeginFrame begin = begin_frame(*source, *plan);
  announce(options, begin, *plan);
  if (options.dry_run) {
    source->close();
    write_report(options.json_fd, json_exit(0, "ok"));
    return 0;
  }

  std::optional<NewFile> file;
  if (options.output) file.emplace(*options.output);
  // From here on bytes go out: a failure leaves a stream without an END.
  ship_stream(options, begin, *plan, source->open(), file ? file->fd() : output);
  if (file) file->commit();
  source->close();
  return 0;
}

}  // namespace bsr
