// Where a stream goes: a new file, a FIFO, or a descriptor that is open already.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "platform/fd_stream.h"
#include "platform/new_file.h"
#include "platform/unique_fd.h"

namespace bsr {

/// The descriptor that "/dev/stdout" or "/dev/fd/N" names.
[[nodiscard]] std::optional<int> named_descriptor(const std::string& name);

class StreamOutput {
 public:
  /// A descriptor that stays as it is.
  explicit StreamOutput(int fd) : fd_(fd) {}

  /// A descriptor as above, which commit() replaces by /dev/null, so that its reader sees the end;
  /// a FIFO, which must be ours or root's; else the name of a new file. Throws Error{usage} for
  /// what is neither, and as NewFile.
  explicit StreamOutput(std::string name);
  StreamOutput(const StreamOutput&) = delete;
  StreamOutput& operator=(const StreamOutput&) = delete;
  ~StreamOutput() { give_up(); }

  /// Whether both are one pipe, socket or file, in which two streams would mix.
  [[nodiscard]] bool is_same_as(const StreamOutput& other) const;

  /// Empty for a descriptor without one.
  [[nodiscard]] const std::string& name() const { return name_; }

  /// The descriptor to write to. Of a FIFO waits until somebody reads it: `while_waiting` is called
  /// at least twice a second, and `stall` decides for how long.
  int open(const std::function<void()>& while_waiting, StallClock stall);

  /// The stream is complete. Throws as NewFile::commit().
  void commit();

  /// It will not be, unless it is: nothing is left of a new file, and a reader sees the end, also
  /// one that waits for somebody to open the FIFO.
  void give_up() noexcept;

 private:
  void check_descriptor() const;
  [[nodiscard]] bool try_open_fifo();
  [[nodiscard]] bool close_descriptor() noexcept;

  std::string name_;
  int fd_ = -1;
  bool is_fifo_ = false;
  bool ended_ = false;
  UniqueFd fifo_;
  std::optional<NewFile> file_;
};

}  // namespace bsr
