// Reads of a file that are under way while earlier ones are used.
#pragma once

#include <deque>
#include <optional>

#include "platform/block_io.h"
#include "platform/io_queue.h"
#include "platform/volume.h"

namespace bsr {

/// Finished in the order in which they were started. Serves one thread.
class FileReads {
 public:
  /// `file` stays with the caller, who may use it meanwhile. `limit`: for one wait, as StuckIo has
  /// it. `at_once`: more are of use where many small ones are scattered.
  explicit FileReads(const BlockFile& file, std::chrono::seconds limit = {}, size_t at_once = 8)
      : file_(file), queue_(at_once, limit) {}

  /// `into` must stay until this read is finished.
  void start(uint64_t offset, std::span<std::byte> into);

  /// Returns when the oldest read that is not finished is done. Throws what BlockFile::read()
  /// would; then the others are abandoned.
  void finish();

  /// Returns when nothing is under way; what was started is forgotten.
  void abandon();

 private:
  struct Started {
    uint64_t offset = 0;
    std::span<std::byte> into;
    bool queued = false;
  };

  const BlockFile& file_;
  std::deque<Started> started_;
  uint64_t finished_ = 0;  // how many there were before the front of started_
  IoQueue queue_;
};

/// One that somebody else owns.
class BorrowedReader final : public VolumeReader {
 public:
  explicit BorrowedReader(const BlockFile& file) : file_(file), reads_(file) {}
  void read(uint64_t offset, std::span<std::byte> into) override { file_.read(offset, into); }
  void start(uint64_t offset, std::span<std::byte> into) override { reads_.start(offset, into); }
  void finish() override { reads_.finish(); }
  void abandon() override { reads_.abandon(); }

 private:
  const BlockFile& file_;
  FileReads reads_;
};

/// A file or block device as a volume.
class BlockReader final : public VolumeReader {
 public:
  explicit BlockReader(BlockFile file, std::chrono::seconds limit = {})
      : file_(std::move(file)), reads_(file_, limit) {}
  void read(uint64_t offset, std::span<std::byte> into) override { file_.read(offset, into); }
  void start(uint64_t offset, std::span<std::byte> into) override { reads_.start(offset, into); }
  void finish() override { reads_.finish(); }
  void abandon() override { reads_.abandon(); }

 private:
  BlockFile file_;
  FileReads reads_;
};

}  // namespace bsr
