// Which element may stand where, and what its numbers must be.
#include "formats/thin_xml.h"

#include <limits>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "base/sector.h"

namespace bsr {
namespace {

// What the kernel accepts as a pool's block size (DATA_DEV_BLOCK_SIZE_*_SECTORS in dm-thin.c).
constexpr uint64_t kMinBlockSectors = 128;
constexpr uint64_t kMaxBlockSectors = 2097152;

}  // namespace

std::optional<ThinXmlItem> ThinXmlParser::next() {
  while (const XmlTag* tag = tags_.next()) {
    const Element element = element_of(*tag);
    if (tag->kind == XmlTag::Kind::end) {
      close(element, *tag);
      continue;
    }
    if (!may_stand_here(element))
      fail(ErrorKind::corrupt, "<{}> at byte {} is out of place", printable(tag->name),
           tag->position);
    std::optional<ThinXmlItem> item = open(*tag);
    open_.push_back(element);
    if (tag->kind == XmlTag::Kind::empty) close(element, *tag);
    if (item) return item;
  }
  return std::nullopt;
}

void ThinXmlParser::finish() const {
  if (!root_closed_ || !tags_.empty()) fail(ErrorKind::truncated, "the XML ends early");
}

ThinXmlParser::Element ThinXmlParser::element_of(const XmlTag& tag) {
  constexpr std::pair<std::string_view, Element> kNames[] = {
      {"single_mapping", Element::single_mapping},
      {"range_mapping", Element::range_mapping},
      {"different", Element::different},
      {"left_only", Element::left_only},
      {"right_only", Element::right_only},
      {"same", Element::same},
      {"range", Element::range},
      {"device", Element::device},
      {"diff", Element::diff},
      {"superblock", Element::superblock},
  };
  for (const auto& [name, element] : kNames)
    if (tag.name == name) return element;
  fail(ErrorKind::unsupported, "element <{}> at byte {} is not known", printable(tag.name),
       tag.position);
}

bool ThinXmlParser::may_stand_here(Element element) const {
  if (open_.empty()) return element == Element::superblock && !root_closed_;
  const Element parent = open_.back();
  switch (element) {
    case Element::superblock:
      return false;
    case Element::device:
      return parent == Element::superblock;
    case Element::diff:
      return parent == Element::superblock && !seen_diff_;
    case Element::single_mapping:
    case Element::range_mapping:
      return parent == Element::device;
    case Element::different:
    case Element::left_only:
    case Element::right_only:
    case Element::same:
      return parent == Element::diff;
    case Element::range:
      return verbose_group_ && (parent == Element::different || parent == Element::left_only ||
                                parent == Element::right_only || parent == Element::same);
  }
  return false;
}

std::optional<ThinXmlItem> ThinXmlParser::open(const XmlTag& tag) {
  const Element element = element_of(tag);
  switch (element) {
    case Element::superblock:
      return superblock(tag);
    case Element::device:
      return device(tag);
    case Element::diff:
      return diff(tag);
    case Element::single_mapping:
    case Element::range_mapping:
      return mapping(tag, element == Element::single_mapping);
    case Element::different:
    case Element::left_only:
    case Element::right_only:
    case Element::same:
      return group(element, tag);
    case Element::range:
      return range(open_.back(), tag);
  }
  return std::nullopt;
}

void ThinXmlParser::close(Element element, const XmlTag& tag) {
  if (open_.empty() || open_.back() != element)
    fail(ErrorKind::corrupt, "</{}> at byte {} closes nothing", printable(tag.name), tag.position);
  open_.pop_back();
  root_closed_ = open_.empty();
}

ThinXmlItem ThinXmlParser::superblock(const XmlTag& tag) {
  const ThinXmlSuperblock superblock{.transaction = tag.number("transaction"),
                                     .time = tag.number("time"),
                                     .data_block_size_sectors = tag.number("data_block_size"),
                                     .data_blocks = tag.number("nr_data_blocks")};
  const uint64_t sectors = superblock.data_block_size_sectors;
  if (sectors < kMinBlockSectors || sectors > kMaxBlockSectors || sectors % kMinBlockSectors != 0)
    fail(ErrorKind::corrupt, "data blocks cannot be {} sectors large", sectors);
  block_limit_ = std::numeric_limits<uint64_t>::max() / (sectors * kSectorSize);
  return superblock;
}

ThinXmlItem ThinXmlParser::device(const XmlTag& tag) {
  const ThinXmlDevice device{.dev_id = tag.number("dev_id"),
                             .mapped_blocks = tag.number("mapped_blocks"),
                             .transaction = tag.number("transaction"),
                             .creation_time = tag.number("creation_time"),
                             .snap_time = tag.number("snap_time")};
  if (device_ && device.dev_id <= *device_)
    fail(ErrorKind::corrupt, "device {} at byte {} follows device {}", device.dev_id, tag.position,
         *device_);
  device_ = device.dev_id;
  next_block_ = 0;
  return device;
}

ThinXmlItem ThinXmlParser::diff(const XmlTag& tag) {
  seen_diff_ = true;
  next_block_ = 0;
  return ThinXmlDiff{.left = tag.number("left"), .right = tag.number("right")};
}

ThinXmlItem ThinXmlParser::mapping(const XmlTag& tag, bool single) {
  const ThinXmlMapping mapping{.origin_begin = tag.number(single ? "origin_block" : "origin_begin"),
                               .data_begin = tag.number(single ? "data_block" : "data_begin"),
                               .length = single ? 1 : tag.number("length"),
                               .time = tag.number("time")};
  advance(mapping.origin_begin, mapping.length, tag);
  if (mapping.data_begin > block_limit_ - mapping.length)
    fail(ErrorKind::corrupt, "data block {} at byte {} cannot be", mapping.data_begin,
         tag.position);
  return mapping;
}

/// One of the four elements that say what became of blocks: of a range in its own attributes, or,
/// with --verbose, of the ranges in it.
std::optional<ThinXmlItem> ThinXmlParser::group(Element element, const XmlTag& tag) {
  verbose_group_ = tag.kind == XmlTag::Kind::start && !tag.has("begin") && !tag.has("length");
  if (verbose_group_) return std::nullopt;
  return range(element, tag);
}

ThinXmlItem ThinXmlParser::range(Element group, const XmlTag& tag) {
  using Kind = ThinXmlRange::Kind;
  ThinXmlRange range{.begin = tag.number("begin"), .length = tag.number("length")};
  if (group == Element::left_only) range.kind = Kind::left_only;
  if (group == Element::right_only) range.kind = Kind::right_only;
  if (group == Element::same) range.kind = Kind::same;
  advance(range.begin, range.length, tag);
  return range;
}

/// Checks that a range of blocks is one, follows the range before it, and can be bytes.
void ThinXmlParser::advance(uint64_t begin, uint64_t length, const XmlTag& tag) {
  if (length == 0 || length > block_limit_ || begin > block_limit_ - length)
    fail(ErrorKind::corrupt, "blocks {}+{} at byte {} cannot be", begin, length, tag.position);
  if (begin < next_block_)
    fail(ErrorKind::corrupt, "block {} at byte {} comes after block {}", begin, tag.position,
         next_block_ - 1);
  next_block_ = begin + length;
}

}  // namespace bsr
