// Reads a volume and compares it with what was written to it.
#pragma once

#include <deque>
#include <functional>

#include "platform/block_io.h"
#include "platform/file_reads.h"
#include "platform/written_log.h"

namespace bsr {

/// From the disk, not from the page cache, as far as the file system tells them apart. Several
/// reads are under way at a time, no more bytes than a stream has on its way to the disk: what
/// comes in meanwhile waits for them. Memory: some MiB. Serves one thread at a time, beside the one
/// that writes the volume and the log.
class ReadBack {
 public:
  /// Hears, in the order of the log, what was read back and is as it was written; of zeros there is
  /// no `content`.
  using OnRead = std::function<void(const WrittenEntry& entry, ByteView content)>;

  /// Both stay with the caller. What lies below `from` in the log was read back before.
  ReadBack(const BlockFile& file, const WrittenLog& log, uint64_t from = 0, OnRead on_read = {})
      : file_(file),
        log_(log),
        done_(from),
        on_read_(std::move(on_read)),
        reads_(file, {}, kReadsAtOnce) {}

  /// What the log says was written to the volume up to `to`, a length() of it that was written out,
  /// and was flushed since, is compared with what the volume holds. `between` is called before each
  /// part, and may throw to end it; the next call goes on where it came to. Throws Error{verify}
  /// for the first difference.
  void up_to(uint64_t to, const std::function<void()>& between);

  [[nodiscard]] uint64_t done() const { return done_; }

 private:
  static constexpr size_t kReadsAtOnce = 64;

  using Between = std::function<void()>;

  /// What an entry of the log is about.
  struct Area {
    WrittenEntry entry;
    uint64_t log_end = 0;
    size_t parts = 1;      // that are not finished, and one while there may be more
    AlignedBytes content;  // complete when they are
    size_t planned = 0;    // bytes of it that parts were started for
  };
  struct Part {
    Extent run;                  // read at once
    std::vector<Extent> wanted;  // of it
    Area* area = nullptr;
    std::span<std::byte> content;  // of the area: where what is wanted belongs
    AlignedBytes bytes;            // empty when that is where the run is read to
  };

  void start_written(Area& area, const Between& between);
  void start_zeros(Area& area, const Between& between);
  void start(Part part, const Between& between);
  void finish_part();
  void take(const Part& part) const;
  void finish_areas();
  void forget_all();

  const BlockFile& file_;
  const WrittenLog& log_;
  uint64_t done_;
  OnRead on_read_;
  std::deque<Area> areas_;  // in the order of the log, and of their parts
  std::deque<Part> parts_;
  uint64_t bytes_under_way_ = 0;
  FileReads reads_;  // after the memory that it reads into
};

}  // namespace bsr
