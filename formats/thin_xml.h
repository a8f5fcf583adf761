// The XML of thin_dump and thin_delta as values, one element at a time.
//
// Read are both generations of the tools, 0.9 (C++) and 1.x (Rust), by the names of elements and
// attributes, never by their order or indentation. What they write (their xml_format.cc,
// thin_delta.cc, xml.rs and delta_visitor.rs):
//
//   superblock > device > (single_mapping | range_mapping)*             thin_dump
//   superblock > diff > (different | left_only | right_only | same)*    thin_delta
//   ... each of the four > range*                                       thin_delta --verbose
//
// thin_dump 1.x without --dev-id also writes <def> and <ref>, which stand for mappings that devices
// share; they are refused as unsupported, so dump one device.
#pragma once

#include <cstdint>
#include <optional>
#include <variant>
#include <vector>

#include "base/bytes.h"
#include "formats/xml_tag.h"

namespace bsr {

/// First of all items.
struct ThinXmlSuperblock {
  uint64_t transaction = 0;
  uint64_t time = 0;
  uint64_t data_block_size_sectors = 0;  ///< of 512 bytes; 128 to 2097152, a multiple of 128
  uint64_t data_blocks = 0;              ///< in the pool; 0 when read from a metadata snapshot

  friend bool operator==(const ThinXmlSuperblock&, const ThinXmlSuperblock&) = default;
};

/// thin_dump: the mappings up to the next device are of this one. Ids ascend.
struct ThinXmlDevice {
  uint64_t dev_id = 0;
  uint64_t mapped_blocks = 0;
  uint64_t transaction = 0;  ///< in which the device was made
  uint64_t creation_time = 0;
  uint64_t snap_time = 0;

  friend bool operator==(const ThinXmlDevice&, const ThinXmlDevice&) = default;
};

/// thin_dump: the blocks from origin_begin on lie in the data blocks from data_begin on.
struct ThinXmlMapping {
  uint64_t origin_begin = 0;  ///< blocks
  uint64_t data_begin = 0;    ///< blocks
  uint64_t length = 0;        ///< blocks, at least 1
  uint64_t time = 0;

  friend bool operator==(const ThinXmlMapping&, const ThinXmlMapping&) = default;
};

/// thin_delta: the two devices compared. The ranges that follow are theirs.
struct ThinXmlDiff {
  uint64_t left = 0;   ///< device id
  uint64_t right = 0;  ///< device id

  friend bool operator==(const ThinXmlDiff&, const ThinXmlDiff&) = default;
};

/// thin_delta: what became of some blocks from the left device to the right one.
struct ThinXmlRange {
  enum class Kind {
    different,   ///< mapped in both, to different data blocks
    left_only,   ///< mapped in the left device only
    right_only,  ///< mapped in the right device only
    same,        ///< mapped in both, to the same data blocks
  };
  Kind kind = Kind::different;
  uint64_t begin = 0;   ///< blocks
  uint64_t length = 0;  ///< blocks, at least 1

  friend bool operator==(const ThinXmlRange&, const ThinXmlRange&) = default;
};

using ThinXmlItem =
    std::variant<ThinXmlSuperblock, ThinXmlDevice, ThinXmlMapping, ThinXmlDiff, ThinXmlRange>;

/// Turns the output of thin_dump or thin_delta into items, and never reads it itself: the caller
/// feeds what arrived and drains next(). The input may be hostile: memory is bounded by what was
/// fed and one element of at most 64 KiB. Mappings of a device and ranges of a diff ascend without
/// overlap, and every block range, times the block size, fits 64 bits of bytes. One parser serves
/// one document, from one thread; after it threw it must not be used.
class ThinXmlParser {
 public:
  void feed(ByteView bytes) { tags_.feed(bytes); }

  /// The next item, or nullopt when more bytes are needed. Throws Error{corrupt} for what is not
  /// such XML or has impossible numbers, Error{unsupported} for an element it does not know:
  /// passing that over could change what the others mean. Unknown attributes are passed over.
  std::optional<ThinXmlItem> next();

  /// Call at end of input, after next() gave nullopt: throws Error{truncated} unless the
  /// superblock was closed and nothing is left over.
  void finish() const;

 private:
  enum class Element {
    superblock,
    device,
    single_mapping,
    range_mapping,
    diff,
    different,
    left_only,
    right_only,
    same,
    range,
  };

  static Element element_of(const XmlTag& tag);
  [[nodiscard]] bool may_stand_here(Element element) const;
  std::optional<ThinXmlItem> open(const XmlTag& tag);
  void close(Element element, const XmlTag& tag);

  ThinXmlItem superblock(const XmlTag& tag);
  ThinXmlItem device(const XmlTag& tag);
  ThinXmlItem diff(const XmlTag& tag);
  ThinXmlItem mapping(const XmlTag& tag, bool single);
  std::optional<ThinXmlItem> group(Element element, const XmlTag& tag);
  ThinXmlItem range(Element group, const XmlTag& tag);
  void advance(uint64_t begin, uint64_t length, const XmlTag& tag);

  XmlTagCutter tags_;
  std::vector<Element> open_;       // from the superblock inwards
  bool verbose_group_ = false;      // the innermost of the four groups holds ranges
  bool seen_diff_ = false;          // one document compares one pair
  bool root_closed_ = false;        // nothing may follow
  std::optional<uint64_t> device_;  // id of the last device
  uint64_t block_limit_ = 0;        // blocks that 64 bits of bytes can hold
  uint64_t next_block_ = 0;         // where the next mapping or range may begin at the earliest
};

}  // namespace bsr
