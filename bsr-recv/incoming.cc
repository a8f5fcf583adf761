#include "bsr-recv/incoming.h"

#include "bsr-recv/within_plan.h"

namespace bsr {
namespace {

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

}  // namespace

Incoming open_incoming(const ReceiveOptions& options, FdInput& input, const StreamStart& start,
                       const PlainTarget* plain) {
  Incoming incoming;
  if (!start.is_legacy()) {
    incoming.frames = std::make_unique<ReadAhead>([&](std::stop_token stop) {
      return within_plan(open_format1(input, start, std::move(stop)));
    });
    // The grammar lets nothing but BEGIN come first.
    incoming.begin = std::get<BeginFrame>(incoming.frames->next().value().body);
    return incoming;
  }
  if (plain == nullptr)
    fail(ErrorKind::unsupported,
         "a stream of thin_send does not say what it applies to; receive it into a plain target");
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

}  // namespace bsr
