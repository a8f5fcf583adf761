// A temporary file without a name: what does not fit into memory, gone with the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/bytes.h"
#include "platform/unique_fd.h"

namespace bsr {

/// An empty file that nobody else finds, in $TMPDIR, else /var/tmp.
[[nodiscard]] UniqueFd temporary_file();

/// Such a file, by place.
class TemporaryFile {
 public:
  TemporaryFile() : fd_(temporary_file()) {}
  void write(uint64_t offset, ByteView bytes);

  /// How many bytes there were: fewer than asked for only at the end of the file.
  size_t read(uint64_t offset, std::span<std::byte> into) const;

 private:
  UniqueFd fd_;
};

/// Written once from front to back, then read back any number of times. What is short stays in
/// memory.
class Spool {
 public:
  void append(ByteView bytes);

  /// Reads from the start. The spool outlives its readers and is not appended to any more.
  class Reader {
   public:
    explicit Reader(const Spool& spool) : spool_(&spool) {}
    std::optional<std::byte> next();

   private:
    const Spool* spool_;
    Bytes part_;
    size_t used_ = 0;  // of part_
    uint64_t offset_ = 0;
  };
  [[nodiscard]] Reader read() const { return Reader(*this); }

 private:
  void write_out();
  [[nodiscard]] Bytes part_at(uint64_t offset) const;  // empty: the end

  std::optional<TemporaryFile> file_;  // once there is more than memory shall hold
  Bytes buffer_;                       // what follows behind the file's end
  uint64_t size_ = 0;                  // bytes in the file
};

}  // namespace bsr
