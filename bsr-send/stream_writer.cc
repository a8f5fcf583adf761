#include "bsr-send/stream_writer.h"

#include <utility>

#include "platform/kill_point.h"

namespace bsr {

StreamWriter::StreamWriter(FdOutput output, const BeginFrame& begin, OnProgress on_progress)
    : output_(std::move(output)),
      encoder_(
          [this](ByteView header, ByteView table, ByteView content) {
            output_.write_all({header, table, content});
          },
          begin),
      on_progress_(std::move(on_progress)) {
  kill_point("begin-sent");
}

void StreamWriter::write(CutPtr cut) {
  if (cut->body)
    encoder_.write(*cut->body, cut->end);
  else
    encoder_.pass(cut->end);
  kill_point("frame-sent");
  done_ += cut->plan_data;
  on_progress_(done_, encoder_.wire_bytes());
}

Totals StreamWriter::finish(const Digest& content_root) {
  const Totals totals = encoder_.finish(content_root);
  kill_point("end-sent");
  return totals;
}

}  // namespace bsr
