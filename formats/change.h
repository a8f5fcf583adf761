// Single changes: what the change frames of a stream say, without how they were cut.
#pragma once

#include <functional>
#include <optional>

#include "formats/piece.h"

namespace bsr {

/// What to do with one extent.
struct Change {
  ChangeKind kind = ChangeKind::data;
  Extent extent;
  ByteView content;  ///< of data: extent.length bytes; else empty
};

/// What it says of a part of its extent.
[[nodiscard]] Change part_of(const Change& whole, Extent part);

/// Yields the changes of one stream, ascending and without overlap, data at most kPieceContent
/// long.
class ChangeSource {
 public:
  virtual ~ChangeSource() = default;

  /// The next one, whose content lives until the next call, or nullopt at the end: then, and only
  /// then, everything that it came from was read to its end and is right.
  virtual std::optional<Change> next() = 0;
};

/// The changes in frames that come checked (StreamGrammar).
class FrameChanges final : public ChangeSource {
 public:
  /// What the extents of a patch hold afterwards.
  using Unpack = std::function<AlignedBytes(const PatchFrame&)>;

  /// `next_frame`: the next one of a stream, nullopt behind its end.
  FrameChanges(std::function<std::optional<Frame>()> next_frame, Unpack unpack)
      : next_frame_(std::move(next_frame)), unpack_(std::move(unpack)) {}

  std::optional<Change> next() override;

  /// After the end: what END said of the snapshot.
  [[nodiscard]] const Digest& content_root() const { return content_root_; }

 private:
  bool next_change_frame();

  std::function<std::optional<Frame>()> next_frame_;
  Unpack unpack_;
  ChangeKind kind_ = ChangeKind::data;
  std::vector<Extent> extents_;  // of the frame at hand, from next_
  size_t next_ = 0;
  AlignedBytes content_;  // of the frame at hand
  ByteView rest_;         // of content_
  Digest content_root_{};
};

/// Gathers neighbours of one kind into one frame.
class ChangeGatherer {
 public:
  explicit ChangeGatherer(ChangeSource& source) : source_(source), ahead_(source.next()) {}

  /// The next frame's worth, or nullopt at the end.
  std::optional<Piece> next();

 private:
  ChangeSource& source_;
  std::optional<Change> ahead_;
};

}  // namespace bsr
