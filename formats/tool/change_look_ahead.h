// Changes that can be looked at before their turn comes.
#pragma once

#include <memory>
#include <optional>
#include <span>

#include "formats/change.h"
#include "platform/spool.h"

namespace bsr {

/// Passes the changes of a stream on, and says ahead of that what it leads to in places further on.
/// What was read for that waits in a temporary file, so memory stays flat.
class ChangeLookAhead final : public ChangeSource {
 public:
  /// `source` begins at its start and outlives this. `is_full`: what it does not name are zeros.
  ChangeLookAhead(ChangeSource& source, bool is_full) : source_(source), is_full_(is_full) {}

  std::optional<Change> next() override;

  /// The bytes of these extents, one after the other, as the stream leaves them; nullopt when it
  /// does not name all of them. They ascend, from one call to the next too, and do not begin before
  /// the change that next() gave last; its content stays.
  [[nodiscard]] std::optional<AlignedBytes> content(std::span<const Extent> extents);

 private:
  struct Held {
    ChangeKind kind;
    Extent extent;
    AlignedBytes content;
  };
  /// What is held and was not given by next(), first in, first out.
  class Waiting {
   public:
    [[nodiscard]] bool empty() const { return begin_ == end_; }
    void put(const Held& change);
    [[nodiscard]] Held take();

   private:
    std::optional<TemporaryFile> file_;
    uint64_t begin_ = 0;  // bytes
    uint64_t end_ = 0;
  };
  bool read();

  ChangeSource& source_;
  bool is_full_;
  std::shared_ptr<const Held> current_;  // what next() gave
  std::shared_ptr<const Held> newest_;   // what was read last
  Waiting waiting_;
};

}  // namespace bsr
