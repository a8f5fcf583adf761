// The two ends of a pipe: reading what arrives and writing all of something.
#pragma once

#include <initializer_list>
#include <span>
#include <stop_token>
#include <string>

#include "base/bytes.h"
#include "platform/unique_fd.h"

namespace bsr {

/// Reads a descriptor that somebody else owns. Waiting ends within a second of a signal that asks
/// for the end.
class FdInput {
 public:
  explicit FdInput(int fd) : fd_(fd) {}

  /// At most into.size() bytes; 0 at the end. Throws Error{interrupted} after a signal or when
  /// `stop` asks for it, else as fail_errno() says.
  size_t read_some(std::span<std::byte> into, const std::stop_token& stop = {});

 private:
  int fd_;
};

/// Opens a file to be read front to back. Throws as fail_errno() says.
[[nodiscard]] UniqueFd open_input(const std::string& path);

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
