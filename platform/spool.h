// A temporary file without a name: what does not fit into memory, gone with the process.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/bytes.h"
#include "platform/unique_fd.h"

namespace bsr {

/// An empty file that nobody else finds, in $TMPDIR, else /var/tmp.
[[nodiscard]] UniqueFd temporary_file();

/// Written once from front to back, then read back any number of times.
class Spool {
 public:
  Spool();

  void append(ByteView bytes);

  /// Reads from the start. The spool outlives its readers and is not appended to any more.
  class Reader {
   public:
    explicit Reader(const Spool& spool);
    std::optional<std::byte> next();

   private:
    const Spool* spool_;
    Bytes buffer_;
    size_t used_ = 0;  // of buffer_
    uint64_t offset_ = 0;
  };
  [[nodiscard]] Reader read();

 private:
  void write_out();

  UniqueFd fd_;
  Bytes buffer_;
  uint64_t size_ = 0;  // bytes in the file
};

}  // namespace bsr
