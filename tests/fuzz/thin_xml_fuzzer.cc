// Any bytes as XML of thin_dump or thin_delta: an Error or items that keep their promises, and the
// same ones however the bytes arrive.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/error.h"
#include "formats/thin_xml.h"

namespace {

struct Outcome {
  std::vector<bsr::ThinXmlItem> items;
  bool refused = false;

  friend bool operator==(const Outcome&, const Outcome&) = default;
};

Outcome parse(bsr::ByteView bytes, size_t piece) {
  Outcome outcome;
  bsr::ThinXmlParser parser;
  try {
    for (size_t at = 0; at < bytes.size(); at += piece) {
      parser.feed(bytes.subspan(at, std::min(piece, bytes.size() - at)));
      while (std::optional<bsr::ThinXmlItem> item = parser.next()) outcome.items.push_back(*item);
    }
    parser.finish();
  } catch (const bsr::Error&) {
    outcome.refused = true;
  }
  return outcome;
}

void require(bool holds) {
  if (!holds) std::abort();
}

/// Blocks ascend within a device or diff, and times the block size they fit 64 bits.
void check(const std::vector<bsr::ThinXmlItem>& items) {
  uint64_t block_size = 0;
  uint64_t next_block = 0;
  const auto check_blocks = [&](uint64_t begin, uint64_t length) {
    uint64_t end = 0;
    require(length != 0 && !__builtin_add_overflow(begin, length, &end));
    require(!__builtin_mul_overflow(end, block_size, &end));
  };
  for (const bsr::ThinXmlItem& item : items) {
    if (const auto* superblock = std::get_if<bsr::ThinXmlSuperblock>(&item))
      block_size = superblock->data_block_size_sectors * 512;
    require(block_size != 0);
    if (std::holds_alternative<bsr::ThinXmlDevice>(item)) next_block = 0;
    if (std::holds_alternative<bsr::ThinXmlDiff>(item)) next_block = 0;
    if (const auto* mapping = std::get_if<bsr::ThinXmlMapping>(&item)) {
      check_blocks(mapping->origin_begin, mapping->length);
      check_blocks(mapping->data_begin, mapping->length);
      require(mapping->origin_begin >= next_block);
      next_block = mapping->origin_begin + mapping->length;
    }
    if (const auto* range = std::get_if<bsr::ThinXmlRange>(&item)) {
      check_blocks(range->begin, range->length);
      require(range->begin >= next_block);
      next_block = range->begin + range->length;
    }
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const bsr::ByteView bytes = std::as_bytes(std::span(data, size));
  const Outcome whole = parse(bytes, size == 0 ? 1 : size);
  check(whole.items);
  require(whole == parse(bytes, 1));
  require(whole == parse(bytes, 13));
  return 0;
}
