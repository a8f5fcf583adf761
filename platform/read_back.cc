#include "platform/read_back.h"

#include <algorithm>

#include "base/error.h"
#include "base/units.h"
#include "formats/digest.h"

namespace bsr {
namespace {

constexpr uint64_t kRun = 1U << 20;        // bytes read at once
constexpr uint64_t kUnderWay = 2U << 20;   // bytes
constexpr uint64_t kWorthPassing = 16384;  // a shorter gap is read, too

[[noreturn]] void fail_written(const BlockFile& file, const Extent& extent) {
  fail(ErrorKind::verify,
       "{}: at byte {} and in the {} from there on it gives back other bytes than were written to "
       "it; a disk or a layer below it lost a write: see the kernel log (dmesg)",
       file.path(), extent.offset, human_bytes(extent.length));
}

[[noreturn]] void fail_zeros(const BlockFile& file, uint64_t offset) {
  fail(ErrorKind::verify,
       "{}: at byte {} it gives back other bytes than the zeros that were made there; a disk or a "
       "layer below it lost a write: see the kernel log (dmesg)",
       file.path(), offset);
}

}  // namespace

void ReadBack::up_to(uint64_t to, const Between& between) try {
  WrittenLog::Reader entries(log_, done_, to);
  while (std::optional<WrittenEntry> entry = entries.next()) {
    Area& area = areas_.emplace_back(Area{std::move(*entry), entries.position(), 1, {}});
    if (area.entry.hash)
      start_written(area, between);
    else
      start_zeros(area, between);
    --area.parts;
    finish_areas();
  }
  while (!parts_.empty()) finish_part();
} catch (...) {
  forget_all();
  throw;
}

void ReadBack::forget_all() {
  reads_.abandon();
  parts_.clear();
  areas_.clear();
  bytes_under_way_ = 0;
}

void ReadBack::start_written(Area& area, const Between& between) {
  area.content.resize(total_length(area.entry.extents));
  Part part{{}, {}, &area, {}, {}};
  for (const Extent& extent : area.entry.extents) {
    const Extent blocks = file_.blocks_around(extent);
    if (part.wanted.empty()) {
      part.run = blocks;
    } else if (blocks.offset <= part.run.end() + kWorthPassing &&
               blocks.end() - part.run.offset <= kRun) {
      part.run.length = blocks.end() - part.run.offset;
    } else {
      start(std::exchange(part, Part{blocks, {}, &area, {}, {}}), between);
    }
    part.wanted.push_back(extent);
  }
  start(std::move(part), between);
}

/// Holes are not read: what a file system says of them is what it gives back.
void ReadBack::start_zeros(Area& area, const Between& between) {
  const Extent zeros = area.entry.extents.front();
  for (uint64_t offset = zeros.offset; offset < zeros.end();) {
    const std::optional<Extent> data = file_.next_data(offset);
    if (!data || data->offset >= zeros.end()) return;
    offset = std::max(offset, data->offset);
    const uint64_t end = std::min({zeros.end(), data->end(), (offset / kRun + 1) * kRun});
    const Extent part = {offset, end - offset};
    start({file_.blocks_around(part), {part}, &area, {}, {}}, between);
    offset = end;
  }
}

void ReadBack::start(Part part, const Between& between) {
  between();
  while (!parts_.empty() && bytes_under_way_ + part.run.length > kUnderWay) finish_part();
  Area& area = *part.area;
  if (area.entry.hash) {
    const uint64_t length = total_length(part.wanted);
    part.content = std::span(area.content).subspan(area.planned, length);
    area.planned += length;
  }
  std::span<std::byte> into = part.content;
  if (part.run.length != into.size() ||
      !file_.direct_fd(part.run.offset, into.data(), into.size())) {
    part.bytes.resize(part.run.length);
    into = part.bytes;
  }
  if (!file_.direct_fd(part.run.offset, into.data(), into.size())) file_.forget_cached(part.run);
  ++area.parts;
  bytes_under_way_ += part.run.length;
  parts_.push_back(std::move(part));
  reads_.start(parts_.back().run.offset, into);
}

void ReadBack::finish_part() {
  reads_.finish();
  const Part part = std::move(parts_.front());
  parts_.pop_front();
  bytes_under_way_ -= part.run.length;
  take(part);
  --part.area->parts;
  finish_areas();
}

void ReadBack::take(const Part& part) const {
  if (part.bytes.empty()) return;  // it is where it belongs
  std::span<std::byte> rest = part.content;
  for (const Extent& extent : part.wanted) {
    const ByteView bytes =
        ByteView(part.bytes).subspan(extent.offset - part.run.offset, extent.length);
    if (part.area->entry.hash) {
      std::ranges::copy(bytes, rest.begin());
      rest = rest.subspan(bytes.size());
    } else if (!is_zero(bytes)) {
      const auto first = std::ranges::find_if(bytes, [](std::byte b) { return b != std::byte{0}; });
      fail_zeros(file_, extent.offset + static_cast<uint64_t>(first - bytes.begin()));
    }
  }
}

void ReadBack::finish_areas() {
  while (!areas_.empty() && areas_.front().parts == 0) {
    const Area& area = areas_.front();
    const WrittenEntry& entry = area.entry;
    if (entry.hash &&
        content_hash(stream::FrameType::data, entry.extents, area.content) != *entry.hash)
      fail_written(file_, {entry.extents.front().offset,
                           entry.extents.back().end() - entry.extents.front().offset});
    if (on_read_) on_read_(entry, area.content);
    done_ = area.log_end;
    areas_.pop_front();
  }
}

}  // namespace bsr
