// Runs thin_delta or thin_dump and turns chunks into bytes.
#include "platform/thin_tools_delta.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"

namespace bsr {
namespace {

constexpr size_t kPipeReadSize = size_t{64} << 10;

std::vector<std::string> command(const MappingPlace& place, std::optional<uint64_t> base_thin_id,
                                 uint64_t target_thin_id) {
  std::vector<std::string> argv{base_thin_id ? "thin_delta" : "thin_dump"};
  // First, because it may take a block number, which it looks for in the next argument.
  if (place.metadata_snapshot) argv.push_back("--metadata-snap");
  if (base_thin_id)
    argv.insert(argv.end(), {"--snap1", std::to_string(*base_thin_id), "--snap2",
                             std::to_string(target_thin_id)});
  else
    argv.insert(argv.end(), {"--dev-id", std::to_string(target_thin_id)});
  argv.insert(argv.end(), {"--", place.metadata_path});
  return argv;
}

std::optional<DeltaExtent> part(Extent extent, uint64_t begin, uint64_t end,
                                std::optional<DeltaKind> kind) {
  if (!kind) return std::nullopt;
  const auto inside = clip(extent, begin, end);
  if (!inside) return std::nullopt;
  return DeltaExtent{*inside, *kind};
}

}  // namespace

ThinToolsDelta::ThinToolsDelta(const MappingPlace& place, std::optional<uint64_t> base_thin_id,
                               uint64_t target_thin_id, uint64_t chunk_size, uint64_t base_size,
                               uint64_t target_size)
    : activity_(fmt::format("asking {} about {}", base_thin_id ? "thin_delta" : "thin_dump",
                            place.metadata_path)),
      full_(!base_thin_id),
      target_thin_id_(target_thin_id),
      chunk_size_(chunk_size),
      base_size_(full_ ? 0 : base_size),
      target_size_(target_size),
      child_(command(place, base_thin_id, target_thin_id)) {}

std::optional<DeltaExtent> ThinToolsDelta::next() try {
  if (ahead_) return std::exchange(ahead_, std::nullopt);
  while (const auto run = next_run()) {
    auto below = part(run->extent, 0, std::min(base_size_, target_size_), run->below);
    auto above = part(run->extent, base_size_, target_size_, run->above);
    if (below) {
      ahead_ = above;
      return below;
    }
    if (above) return above;
  }
  return std::nullopt;
} catch (Error& error) {
  error.while_doing(activity_);
  throw;
}

std::optional<ThinToolsDelta::Run> ThinToolsDelta::next_run() {
  while (const auto item = next_item())
    if (auto run = take(*item)) return run;
  // thin_dump writes no device at all, and exits with 0, for an id that it does not find.
  if (!seen_target_) fail(ErrorKind::failed, "the pool has no thin device {}", target_thin_id_);
  return std::nullopt;
}

std::optional<ThinXmlItem> ThinToolsDelta::next_item() {
  if (ended_) return std::nullopt;
  for (;;) {
    if (auto item = parser_.next()) return item;
    std::array<std::byte, kPipeReadSize> bytes;
    const size_t got = child_.read(bytes);
    if (got == 0) break;
    parser_.feed(ByteView(bytes).first(got));
  }
  child_.finish();  // before the parser complains: that a program failed explains cut output
  parser_.finish();
  ended_ = true;
  return std::nullopt;
}

std::optional<ThinToolsDelta::Run> ThinToolsDelta::take(const ThinXmlItem& item) {
  if (const auto* pool = std::get_if<ThinXmlSuperblock>(&item)) {
    if (pool->data_block_size_sectors * 512 != chunk_size_)
      fail(ErrorKind::corrupt, "the metadata says chunks of {} bytes, not {}",
           pool->data_block_size_sectors * 512, chunk_size_);
  } else if (const auto* device = std::get_if<ThinXmlDevice>(&item)) {
    seen_target_ = device->dev_id == target_thin_id_;
  } else if (const auto* diff = std::get_if<ThinXmlDiff>(&item)) {
    seen_target_ = diff->right == target_thin_id_;
  } else if (const auto* mapping = std::get_if<ThinXmlMapping>(&item)) {
    const Extent extent{mapping->origin_begin * chunk_size_, mapping->length * chunk_size_};
    return Run{extent, std::nullopt, DeltaKind::data};
  } else if (const auto* range = std::get_if<ThinXmlRange>(&item)) {
    const Extent extent{range->begin * chunk_size_, range->length * chunk_size_};
    switch (range->kind) {
      case ThinXmlRange::Kind::different:
      case ThinXmlRange::Kind::right_only:
        return Run{extent, DeltaKind::data, DeltaKind::data};
      case ThinXmlRange::Kind::same:
        return Run{extent, std::nullopt, DeltaKind::data};
      case ThinXmlRange::Kind::left_only:
        return Run{extent, DeltaKind::unmap, std::nullopt};
    }
  }
  return std::nullopt;
}

}  // namespace bsr
