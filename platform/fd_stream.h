// The two ends of a pipe: reading what arrives and writing all of something.
#pragma once

#include <initializer_list>
#include <span>

#include "base/bytes.h"
#include "platform/unique_fd.h"

namespace bsr {

/// Reads a descriptor that somebody else owns. Waiting ends within a second of a signal that asks
/// for the end.
class FdInput {
 public:
  explicit FdInput(int fd) : fd_(fd) {}

  /// At most into.size() bytes; 0 at the end. Throws Error{interrupted}, or as fail_errno() says.
  size_t read_some(std::span<std::byte> into);

 private:
  int fd_;
};

/// Writes to a descriptor that somebody else owns.
class FdOutput {
 public:
  explicit FdOutput(int fd) : fd_(fd) {}

  /// All parts, one after the other. Throws Error{peer} when the reader of the pipe is gone.
  void write_all(std::initializer_list<ByteView> parts);

 private:
  int fd_;
};

}  // namespace bsr
