// Delta sources made of others: the part within limits, one behind the other, and both in order.
#pragma once

#include <functional>
#include <memory>
#include <utility>

#include "formats/delta.h"

namespace bsr {

/// The parts of a source's extents in [begin, end), in bytes. The source is drained, because it may
/// have more to say than what it yields.
class ClippedDelta final : public DeltaSource {
 public:
  ClippedDelta(std::unique_ptr<DeltaSource> source, uint64_t begin, uint64_t end)
      : source_(std::move(source)), begin_(begin), end_(end) {}

  std::optional<DeltaExtent> next() override {
    while (auto found = source_->next())
      if (const auto part = clip(found->extent, begin_, end_))
        return DeltaExtent{*part, found->kind};
    return std::nullopt;
  }

 private:
  std::unique_ptr<DeltaSource> source_;
  uint64_t begin_;
  uint64_t end_;
};

/// First all of one source, then all of another whose extents lie behind, and which is not made
/// before.
class ChainedDelta final : public DeltaSource {
 public:
  using Make = std::function<std::unique_ptr<DeltaSource>()>;
  ChainedDelta(std::unique_ptr<DeltaSource> first, Make make_second)
      : source_(std::move(first)), make_second_(std::move(make_second)) {}

  std::optional<DeltaExtent> next() override {
    std::optional<DeltaExtent> found = source_->next();
    if (found || !make_second_) return found;
    source_ = std::exchange(make_second_, nullptr)();
    return source_->next();
  }

 private:
  std::unique_ptr<DeltaSource> source_;
  Make make_second_;  // null once it was called
};

/// Both of two sources that have nothing in common, in order.
class JoinedDelta final : public DeltaSource {
 public:
  JoinedDelta(std::unique_ptr<DeltaSource> one, std::unique_ptr<DeltaSource> other)
      : one_(std::move(one)), other_(std::move(other)) {}

  std::optional<DeltaExtent> next() override {
    if (!one_ahead_) one_ahead_ = one_->next();
    if (!other_ahead_) other_ahead_ = other_->next();
    const bool take_one =
        one_ahead_ && (!other_ahead_ || one_ahead_->extent.offset < other_ahead_->extent.offset);
    return std::exchange(take_one ? one_ahead_ : other_ahead_, std::nullopt);
  }

 private:
  std::unique_ptr<DeltaSource> one_;
  std::unique_ptr<DeltaSource> other_;
  std::optional<DeltaExtent> one_ahead_;
  std::optional<DeltaExtent> other_ahead_;
};

}  // namespace bsr
