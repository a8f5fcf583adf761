// Any bytes as a stream of format 1, as they are and with checksums made right so that what lies
// behind them is reached: an Error or frames that keep their promises, the same ones however the
// bytes arrive, and once more the same when they are written again.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <vector>

#include "base/error.h"
#include "base/overload.h"
#include "formats/frame_decoder.h"
#include "formats/frame_encoder.h"
#include "formats/patch.h"
#include "formats/stream_grammar.h"
#include "tests/fuzz/repaired_stream.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

bool is_printable(const std::string& text, size_t size, char lowest) {
  return text.size() < size &&
         std::all_of(text.begin(), text.end(), [&](char c) { return c >= lowest && c <= '~'; });
}

void check_begin(const bsr::BeginFrame& begin) {
  require(begin.volume_size % 512 == 0 && begin.volume_size <= INT64_MAX);
  require(begin.base_size % 512 == 0 && begin.base_size <= INT64_MAX);
  require(!begin.snapshot_id.empty() && !begin.volume_id.empty());
  for (const std::string& text : {begin.volume_id, begin.snapshot_id, begin.base_id})
    require(is_printable(text, 64, '!'));
  require(is_printable(begin.name, 128, ' '));
}

/// What StreamGrammar promises about change frames: the place where the last one ended.
class Cursor {
 public:
  void pass(const std::vector<bsr::Extent>& extents, uint64_t volume_size, size_t content) {
    require(!extents.empty() && extents.size() <= bsr::stream::kMaxExtents);
    uint64_t sum = 0;
    for (const bsr::Extent& extent : extents) {
      require(extent.length != 0 && extent.offset % 512 == 0 && extent.length % 512 == 0);
      require(extent.offset >= position_ && extent.length <= volume_size - extent.offset);
      position_ = extent.end();
      sum += extent.length;
    }
    require(content == 0 || (content == sum && content <= bsr::stream::kMaxContent));
  }

 private:
  uint64_t position_ = 0;
};

/// They may lie anywhere below the end of what base and volume both have, but ascend.
void check_references(const std::vector<bsr::Extent>& references, uint64_t size) {
  require(references.size() <= bsr::stream::kMaxReferences);
  uint64_t cursor = 0;
  uint64_t sum = 0;
  for (const bsr::Extent& reference : references) {
    require(reference.length != 0 && reference.offset % 4096 == 0 && reference.length % 4096 == 0);
    require(reference.offset >= cursor && reference.offset <= size &&
            reference.length <= size - reference.offset);
    cursor = reference.end();
    sum += reference.length;
  }
  require(sum <= bsr::stream::kMaxContent);
}

/// Whatever a patch holds, and whatever it is applied to: an Error, or as many bytes as it says.
void apply_to_rubbish(const bsr::PatchFrame& patch, uint64_t length) {
  bsr::AlignedBytes base(bsr::total_length(patch.references) + length);
  for (size_t i = 0; i < base.size(); i += 3) base[i] = static_cast<std::byte>(i / 7);
  try {
    require(apply_patch(patch, base).size() == length);
  } catch (const bsr::Error& error) {
    require(error.kind() == bsr::ErrorKind::corrupt);
  }
}

struct Outcome {
  std::vector<bsr::FrameBody> bodies;  // that decoder and grammar let pass
  bsr::Totals totals;
  std::optional<bsr::ErrorKind> refusal;
};

Outcome receive(bsr::ByteView bytes, size_t piece) {
  Outcome outcome;
  bsr::FrameDecoder decoder;
  bsr::StreamGrammar grammar;
  try {
    for (size_t at = 0; at < bytes.size(); at += piece) {
      decoder.feed(bytes.subspan(at, std::min(piece, bytes.size() - at)));
      while (std::optional<bsr::Frame> frame = decoder.next()) {
        grammar.check(*frame);
        outcome.bodies.push_back(std::move(frame->body));
        outcome.totals = grammar.progress().totals;
      }
    }
    decoder.finish();
  } catch (const bsr::Error& error) {
    outcome.refusal = error.kind();
  }
  return outcome;
}

void check_promises(const Outcome& outcome) {
  Cursor cursor;
  uint64_t volume_size = 0;
  uint64_t base_size = 0;
  uint64_t looked_at = 0;
  for (const bsr::FrameBody& body : outcome.bodies) {
    std::visit(
        bsr::Overload{
            [&](const bsr::BeginFrame& begin) {
              check_begin(begin);
              volume_size = begin.volume_size;
              base_size = begin.base_size;
            },
            [&](const bsr::HoldsFrame& holds) {
              uint64_t length = 0;
              for (const bsr::Extent& extent : holds.extents) length += extent.length;
              require(length > 0 && length <= bsr::stream::kMaxContent);
              require(!holds.extents.empty() && holds.extents.back().end() <= volume_size);
            },
            [&](const bsr::DataFrame& data) {
              require(!data.content.empty());
              cursor.pass(data.extents, volume_size, data.content.size());
            },
            [&](const bsr::PatchFrame& patch) {
              uint64_t length = 0;
              for (const bsr::Extent& extent : patch.extents) length += extent.length;
              require(length > 0 && length <= bsr::stream::kMaxContent);
              cursor.pass(patch.extents, std::min(volume_size, base_size), length);
              check_references(patch.references, std::min(volume_size, base_size));
              apply_to_rubbish(patch, length);
            },
            [&](const bsr::ContentFrame& content) {
              require(content.position >= looked_at && content.position <= volume_size);
              looked_at = content.position;
            },
            [&](const bsr::ZeroFrame& zero) { cursor.pass(zero.extents, volume_size, 0); },
            [&](const bsr::UnmapFrame& unmap) { cursor.pass(unmap.extents, volume_size, 0); },
            [](const auto&) {},
        },
        body);
  }
}

/// Frames that passed, as a whole stream again.
bsr::Bytes written(const Outcome& outcome, bsr::Compression compression) {
  bsr::Bytes bytes;
  uint64_t sequence = 0;
  const auto write = [&](const bsr::EncodedBody& body) {
    bsr::append(bytes, encode_header(body, sequence++));
    bsr::append(bytes, body.table);
    bsr::append(bytes, body.content);
  };
  for (const bsr::FrameBody& body : outcome.bodies) {
    std::visit(
        bsr::Overload{
            [&](const bsr::DataFrame& data) { write(encode(bsr::DataFrame(data), compression)); },
            [&](const bsr::PatchFrame& patch) { write(encode(bsr::PatchFrame(patch))); },
            [](const bsr::EndFrame&) {},  // below, also for streams that did not get there
            [](const bsr::UnknownFrame&) {},
            [&](const auto& other) { write(encode(other)); },
        },
        body);
  }
  bsr::EndFrame end{outcome.totals, {}};
  end.content_root.fill(std::byte{1});  // a base that is named by its content asks for one
  write(encode(end));
  return bytes;
}

std::vector<bsr::Extent> all_references(const Outcome& outcome) {
  std::vector<bsr::Extent> all;
  for (const bsr::FrameBody& body : outcome.bodies)
    if (const auto* patch = std::get_if<bsr::PatchFrame>(&body))
      all.insert(all.end(), patch->references.begin(), patch->references.end());
  return all;
}

void check_second_round(const Outcome& outcome) {
  if (outcome.bodies.empty()) return;
  for (const bool compress : {false, true}) {
    const Outcome again =
        receive(written(outcome, {.enabled = compress, .level = 1}), SIZE_MAX / 2);
    require(!again.refusal);
    require(again.totals.digest == outcome.totals.digest);
    require(again.totals.extents == outcome.totals.extents);
    require(all_references(again) == all_references(outcome));
  }
}

void check(bsr::ByteView bytes) {
  const Outcome whole = receive(bytes, std::max<size_t>(bytes.size(), 1));
  check_promises(whole);
  for (const size_t piece : {1 + bytes.size() / 100, size_t{997}}) {  // tiny pieces cost time
    const Outcome pieces = receive(bytes, piece);
    require(pieces.refusal == whole.refusal);
    // With bytes behind END, whether END is still seen depends on the piece it comes in.
    if (!whole.refusal) require(pieces.bodies.size() == whole.bodies.size());
    if (!whole.refusal) require(pieces.totals.digest == whole.totals.digest);
  }
  if (!whole.refusal) require(bsr::looks_like_format1(bytes));
  check_second_round(whole);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const bsr::ByteView bytes = std::as_bytes(std::span(data, size));
  check(bytes);
  check(repaired(bytes));
  return 0;
}
