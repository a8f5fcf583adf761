#include "formats/stream_encoder.h"

#include <utility>

namespace bsr {
namespace {

// A receiver can continue at checkpoints only, because there its digest was compared with ours:
// this much is sent again at most after a cut.
constexpr uint64_t kCheckpointInterval = 256ULL << 10;

}  // namespace

StreamEncoder::StreamEncoder(Put put, const BeginFrame& begin)
    : put_(std::move(put)), totals_(begin), position_(begin.resume.position) {
  this->put(encode(begin));
}

void StreamEncoder::put(const EncodedBody& body) {
  const Bytes header = encode_header(body, sequence_++);
  put_(header, body.table, body.content);
  wire_bytes_ += header.size() + body.table.size() + body.content.size();
}

void StreamEncoder::write(const EncodedBody& body, uint64_t end_position) {
  put(body);
  totals_.add(body.type, body.extents, body.decoded_bytes, body.hash);
  since_checkpoint_ += body.decoded_bytes;
  position_ = end_position;
  if (since_checkpoint_ >= kCheckpointInterval) checkpoint();
}

void StreamEncoder::pass(uint64_t position) {
  position_ = position;
  checkpoint();
}

void StreamEncoder::checkpoint() {
  put(encode(CheckpointFrame{position_, totals_.digest()}));
  since_checkpoint_ = 0;
}

Totals StreamEncoder::finish(const Digest& content_root) {
  const Totals totals = totals_.value();
  put(encode(EndFrame{totals, content_root}));
  return totals;
}

}  // namespace bsr
