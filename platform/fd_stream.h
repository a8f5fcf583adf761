// The two ends of a pipe: reading what arrives and writing all of something.
#pragma once

#include <functional>
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

/// Whether a descriptor is open and can be written to.
[[nodiscard]] bool is_writable(int fd);

/// Opens a file to be read front to back. Throws as fail_errno() says.
[[nodiscard]] UniqueFd open_input(const std::string& path);

/// Writes to a descriptor that somebody else owns.
class FdOutput {
 public:
  /// `while_waiting` is called at least twice a second while the reader does not read.
  explicit FdOutput(int fd, std::function<void()> while_waiting = {})
      : fd_(fd), while_waiting_(std::move(while_waiting)) {}

  /// All parts, one after the other. Throws Error{peer} when the reader of the pipe is gone.
  void write_all(std::initializer_list<ByteView> parts);

 private:
  int fd_;
  std::function<void()> while_waiting_;
};

}  // namespace bsr
