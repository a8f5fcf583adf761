#include "formats/tool/change_look_ahead.h"

#include <algorithm>
#include <array>

#include "base/error.h"

namespace bsr {
namespace {

struct Record {
  ChangeKind kind;
  Extent extent;
};

/// Bytes of extents, gathered from changes that ascend.
class Gathered {
 public:
  explicit Gathered(std::span<const Extent> extents)
      : extents_(extents), bytes_(total_length(extents), std::byte{0}) {}

  /// `content`: empty for what reads as zeros.
  void add(Extent change, ByteView content) {
    uint64_t place = 0;
    for (const Extent& extent : extents_) {
      if (const auto part = clip(extent, change.offset, change.end())) {
        found_ += part->length;
        if (!content.empty())
          std::ranges::copy(
              content.subspan(part->offset - change.offset, part->length),
              bytes_.begin() + static_cast<std::ptrdiff_t>(place + part->offset - extent.offset));
      }
      place += extent.length;
    }
  }

  [[nodiscard]] bool all_found() const { return found_ == bytes_.size(); }
  [[nodiscard]] AlignedBytes take() { return std::move(bytes_); }

 private:
  std::span<const Extent> extents_;
  AlignedBytes bytes_;
  uint64_t found_ = 0;
};

}  // namespace

void ChangeLookAhead::Waiting::put(const Held& change) {
  if (!file_) file_.emplace();
  const Record record = {change.kind, change.extent};
  file_->write(end_, std::as_bytes(std::span(&record, 1)));
  file_->write(end_ + sizeof record, change.content);
  end_ += sizeof record + change.content.size();
}

ChangeLookAhead::Held ChangeLookAhead::Waiting::take() {
  Record record{};
  file_->read(begin_, std::as_writable_bytes(std::span(&record, 1)));
  Held change = {record.kind, record.extent, {}};
  if (record.kind == ChangeKind::data) change.content.resize(record.extent.length);
  file_->read(begin_ + sizeof record, change.content);
  begin_ += sizeof record + change.content.size();
  if (empty()) {
    file_.reset();
    begin_ = end_ = 0;
  }
  return change;
}

/// Into newest_; false at the end.
bool ChangeLookAhead::read() {
  const std::optional<Change> change = source_.next();
  if (!change) return false;
  newest_ = std::make_shared<const Held>(
      Held{change->kind, change->extent, {change->content.begin(), change->content.end()}});
  return true;
}

std::optional<Change> ChangeLookAhead::next() {
  if (!waiting_.empty()) {
    current_ = std::make_shared<const Held>(waiting_.take());
  } else {
    if (!read()) return std::nullopt;
    current_ = newest_;
  }
  return Change{current_->kind, current_->extent, current_->content};
}

std::optional<AlignedBytes> ChangeLookAhead::content(std::span<const Extent> extents) {
  Gathered gathered(extents);
  if (newest_) gathered.add(newest_->extent, newest_->content);
  while ((!newest_ || newest_->extent.end() < extents.back().end()) && read()) {
    waiting_.put(*newest_);
    gathered.add(newest_->extent, newest_->content);
  }
  if (!is_full_ && !gathered.all_found()) return std::nullopt;
  return gathered.take();
}

}  // namespace bsr
