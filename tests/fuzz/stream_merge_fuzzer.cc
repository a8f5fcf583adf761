// Any bytes as two streams, as far as these are right, made to follow each other and merged: a
// stream that keeps all rules, is not larger than the two, and means at every place what they mean
// one after the other.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <vector>

#include "base/error.h"
#include "formats/frame_decoder.h"
#include "formats/stream_encoder.h"
#include "formats/stream_grammar.h"
#include "formats/stream_merge.h"
#include "tests/fuzz/repaired_stream.h"

namespace {

constexpr uint64_t kEnough = 8 << 20;  // bytes of data: an input of few bytes may unpack to many

void require(bool holds) {
  if (!holds) std::abort();
}

/// A stream in memory; what was wrong behind its last frame is forgotten.
struct Stream {
  std::optional<bsr::BeginFrame> begin;
  std::vector<bsr::FrameBody> changes;
  bsr::Totals totals;
  bool whole = false;
};

Stream received(bsr::ByteView bytes) {
  Stream stream;
  bsr::StreamGrammar grammar;
  try {
    bsr::FrameDecoder decoder;
    decoder.feed(bytes);
    while (std::optional<bsr::Frame> frame = decoder.next()) {
      grammar.check(*frame);
      stream.begin = grammar.begin();
      stream.totals = grammar.progress().totals;
      stream.changes.push_back(std::move(frame->body));
      if (stream.totals.data_bytes > kEnough) return stream;
    }
    decoder.finish();
    stream.whole = true;
  } catch (const bsr::Error&) {
    return stream;
  }
  return stream;
}

/// The frames of a stream for as long as that lives.
class Changes {
 public:
  explicit Changes(const Stream& stream)
      : bodies_(stream.changes), changes_([this] { return next(); }, unpacked) {}
  Changes(const Changes&) = delete;
  Changes& operator=(const Changes&) = delete;
  bsr::FrameChanges& get() { return changes_; }

 private:
  /// As if that was what it gives.
  static bsr::AlignedBytes unpacked(const bsr::PatchFrame& patch) {
    return bsr::AlignedBytes(total_length(patch.extents),
                             static_cast<std::byte>(patch.content.low));
  }

  std::optional<bsr::Frame> next() {
    if (given_ == bodies_.size()) return std::nullopt;
    return bsr::Frame{bodies_[given_++], given_, 0, 0, false};
  }

  const std::vector<bsr::FrameBody>& bodies_;
  size_t given_ = 0;
  bsr::FrameChanges changes_;
};

/// What the byte at `place` is afterwards; nullopt: as in the base.
std::optional<std::byte> meant(const Stream& stream, uint64_t place) {
  Changes changes(stream);
  while (const std::optional<bsr::Change> change = changes.get().next())
    if (place >= change->extent.offset && place < change->extent.end())
      return change->kind == bsr::ChangeKind::data ? change->content[place - change->extent.offset]
                                                   : std::byte{0};
  return place < stream.begin->base_size ? std::nullopt : std::optional(std::byte{0});
}

bsr::Bytes merged(const Stream& older, const Stream& newer, std::vector<uint64_t>& places) {
  Changes older_changes(older);
  Changes newer_changes(newer);
  bsr::StreamMerge merge(*older.begin, older_changes.get(), *newer.begin, newer_changes.get());
  bsr::Bytes bytes;
  bsr::StreamEncoder encoder(
      [&](bsr::ByteView header, bsr::ByteView table, bsr::ByteView content) {
        for (const bsr::ByteView part : {header, table, content}) bsr::append(bytes, part);
      },
      merge.begin());
  bsr::ChangeGatherer pieces(merge);
  while (std::optional<bsr::Piece> piece = pieces.next()) {
    const uint64_t end = end_of(*piece);
    places.push_back(end);
    places.push_back(end - 1);
    encoder.write(encode(std::move(*piece), {.enabled = true, .level = 1}), end);
  }
  bsr::Digest root;
  root.fill(std::byte{1});  // a base that is named by its content asks for one
  encoder.finish(root);
  return bytes;
}

void check(bsr::ByteView older_bytes, bsr::ByteView newer_bytes) {
  Stream older = received(older_bytes);
  Stream newer = received(newer_bytes);
  if (!older.begin || !newer.begin) return;
  older.begin->resume = {};
  newer.begin->resume = {};
  newer.begin->base_id = older.begin->snapshot_id;
  newer.begin->base_size = older.begin->volume_size;

  std::vector<uint64_t> places = {0, older.begin->base_size, older.begin->volume_size};
  Stream result = received(merged(older, newer, places));
  require(result.whole || result.totals.data_bytes > kEnough);
  require(result.totals.data_bytes <= older.totals.data_bytes + newer.totals.data_bytes);
  require(result.totals.extents <= older.totals.extents + 2 * newer.totals.extents + 1 +
                                       2 * result.totals.data_bytes / bsr::kPieceContent);
  if (!result.whole) return;
  const size_t step = 1 + places.size() / 16;  // each place costs a look at everything
  for (size_t i = 0; i < places.size(); i += step) {
    if (places[i] >= result.begin->volume_size) continue;
    std::optional<std::byte> expected = meant(newer, places[i]);
    if (!expected) expected = meant(older, places[i]);
    require(expected == meant(result, places[i]));
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  // The first two bytes say where the second stream begins.
  bsr::ByteView bytes = std::as_bytes(std::span(data, size));
  if (bytes.size() < 3) return 0;
  const size_t place = bsr::load_le<uint16_t>(bytes, 0) % (bytes.size() - 2);
  bytes = bytes.subspan(2);
  check(bytes.first(place), bytes.subspan(place));
  check(repaired(bytes.first(place)), repaired(bytes.subspan(place)));
  return 0;
}
