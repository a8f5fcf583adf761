#include "bsr-send/stream_writer.h"

#include "platform/kill_point.h"

namespace bsr {
namespace {

// A receiver can continue at checkpoints only, because there its digest was compared with ours:
// this much is sent again at most after a cut.
constexpr uint64_t kCheckpointInterval = 1ULL << 20;

}  // namespace

StreamWriter::StreamWriter(FdOutput output, const BeginFrame& begin, ProgressMeter& meter)
    : output_(std::move(output)), meter_(meter), totals_(begin) {
  put(encode(begin));
  kill_point("begin-sent");
}

void StreamWriter::put(const EncodedBody& body) {
  const Bytes header = encode_header(body, sequence_++);
  output_.write_all({header, body.table, body.content});
  wire_bytes_ += header.size() + body.table.size() + body.content.size();
}

void StreamWriter::write(EncodedBody body, uint64_t end_position) {
  put(body);
  kill_point("frame-sent");
  totals_.add(body.type, body.extents, body.decoded_bytes, body.hash);
  if (body.type != stream::FrameType::unmap) done_ += body.decoded_bytes;
  since_checkpoint_ += body.decoded_bytes;
  if (since_checkpoint_ >= kCheckpointInterval) {
    put(encode(CheckpointFrame{end_position, totals_.digest()}));
    since_checkpoint_ = 0;
  }
  meter_.update(done_, wire_bytes_);
}

Totals StreamWriter::finish() {
  const Totals totals = totals_.value();
  put(encode(EndFrame{totals, {}}));
  kill_point("end-sent");
  return totals;
}

}  // namespace bsr
