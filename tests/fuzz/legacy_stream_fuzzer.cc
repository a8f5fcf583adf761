// Any bytes as a thin-send-recv stream: an Error or items that keep their promises, the same ones
// however the bytes arrive, and once more the same when they are written again.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/error.h"
#include "formats/legacy_stream.h"

namespace {

struct Change {
  bsr::Extent extent;
  bsr::Bytes data;  // of an unmap: none

  friend bool operator==(const Change&, const Change&) = default;
};

struct Outcome {
  std::vector<Change> changes;
  std::optional<bsr::LegacyVersion> version;
  bool refused = false;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

void require(bool holds) {
  if (!holds) std::abort();
}

void add(Outcome& outcome, const bsr::LegacyItem& item) {
  Change change;
  if (const auto* data = std::get_if<bsr::LegacyData>(&item)) {
    require(!data->bytes.empty() && data->bytes.size() <= bsr::kLegacyPiece);
    require(data->offset % bsr::kLegacyPiece + data->bytes.size() <= bsr::kLegacyPiece);
    change = {{data->offset, data->bytes.size()}, {data->bytes.begin(), data->bytes.end()}};
  } else if (const auto* unmap = std::get_if<bsr::LegacyUnmap>(&item)) {
    change.extent = unmap->extent;
  } else {
    return;
  }
  require(change.extent.length != 0 && change.extent.end() > change.extent.offset);
  require(change.extent.offset % 512 == 0 && change.extent.length % 512 == 0);
  if (!outcome.changes.empty())
    require(change.extent.offset >= outcome.changes.back().extent.end());
  outcome.changes.push_back(std::move(change));
}

Outcome decode(bsr::ByteView bytes, size_t piece) {
  Outcome outcome;
  bsr::LegacyDecoder decoder;
  try {
    for (size_t at = 0; at < bytes.size(); at += piece) {
      decoder.feed(bytes.subspan(at, std::min(piece, bytes.size() - at)));
      while (std::optional<bsr::LegacyItem> item = decoder.next()) add(outcome, *item);
    }
    decoder.finish();
  } catch (const bsr::Error&) {
    outcome.refused = true;
  }
  outcome.version = decoder.version();
  return outcome;
}

bsr::Bytes encode(const Outcome& outcome) {
  bsr::LegacyEncoder encoder(*outcome.version);
  bsr::Bytes stream = encoder.begin();
  for (const Change& change : outcome.changes) {
    bsr::append(stream,
                change.data.empty() ? encoder.unmap(change.extent) : encoder.data(change.extent));
    bsr::append(stream, change.data);
  }
  bsr::append(stream, encoder.end());
  return stream;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const bsr::ByteView bytes = std::as_bytes(std::span(data, size));
  const Outcome whole = decode(bytes, size == 0 ? 1 : size);
  require(whole == decode(bytes, 1));
  require(whole == decode(bytes, 1000));
  if (!bytes.empty() && whole.version) require(bsr::looks_legacy(bytes));
  if (whole.refused) return 0;
  const bsr::Bytes again = encode(whole);
  require(again.empty() || whole == decode(again, again.size()));
  return 0;
}
