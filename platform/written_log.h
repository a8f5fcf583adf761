// What was written to a volume and where, for who reads it back.
#pragma once

#include <deque>
#include <optional>
#include <string>

#include "formats/delta.h"
#include "formats/written_entry.h"
#include "platform/unique_fd.h"
#include "platform/volume.h"

namespace bsr {

/// A file that entries are appended to, by one thread. Others may read what lies below a length()
/// that was written out.
class WrittenLog {
 public:
  /// A temporary file: it goes with the process.
  WrittenLog();

  /// A file by name, for a session that a later one continues: its first `length` bytes stay, what
  /// lies behind them goes. It is made when it is missing, for its owner only. Throws Error{failed}
  /// when it is shorter.
  WrittenLog(std::string path, uint64_t length);

  /// A later session can find it.
  [[nodiscard]] bool has_name() const { return !path_.empty(); }

  void add(const WrittenEntry& entry);

  /// Bytes of all entries so far: where the next one begins.
  [[nodiscard]] uint64_t length() const { return written_out_ + buffer_.size(); }

  /// What was added is in the file when it returns, but perhaps not durable.
  void write_out();

  /// What was written out is durable when it returns. Any thread may call it.
  void sync() const;

  /// Yields the entries of a part of the log, which begins and ends between two of them.
  class Reader {
   public:
    Reader(const WrittenLog& log, uint64_t from, uint64_t to)
        : log_(log), position_(from), loaded_(from), to_(to) {}
    std::optional<WrittenEntry> next();

    [[nodiscard]] uint64_t position() const { return position_; }  ///< behind the last one

   private:
    void load();

    const WrittenLog& log_;
    uint64_t position_;
    uint64_t loaded_;  // bytes of the log before this are in part_, or were
    uint64_t to_;
    Bytes part_;
    ByteView rest_;  // of part_
  };

 private:
  [[nodiscard]] std::string name() const;
  void sync_folder() const;

  std::string path_;  // empty: a temporary file
  UniqueFd fd_;
  uint64_t written_out_ = 0;  // bytes
  Bytes buffer_;              // what follows
};

/// All places of a log that was written out, ascending: `data` where something was written, `unmap`
/// where zeros were. The log outlives it.
class TouchedExtents final : public DeltaSource {
 public:
  explicit TouchedExtents(const WrittenLog& log) : entries_(log, 0, log.length()) {
    ahead_ = entries_.next();
  }
  std::optional<DeltaExtent> next() override;

 private:
  void take_batch();

  WrittenLog::Reader entries_;
  std::optional<WrittenEntry> ahead_;
  std::deque<DeltaExtent> batch_;
};

/// Writes down what passes on its way to a sink.
class LoggedSink final : public VolumeSink {
 public:
  LoggedSink(VolumeSink& sink, WrittenLog& log) : sink_(sink), log_(log) {}

  void write(std::span<const Extent> extents, AlignedBytes content) override;
  void zero(Extent extent) override;
  void wait() override { sink_.wait(); }
  void sync() override { sink_.sync(); }

 private:
  VolumeSink& sink_;
  WrittenLog& log_;
};

}  // namespace bsr
