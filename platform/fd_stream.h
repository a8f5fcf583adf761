// The two ends of a pipe: reading what arrives and writing all of something.
#pragma once

#include <sys/types.h>
#include <sys/uio.h>

#include <chrono>
#include <functional>
#include <initializer_list>
#include <span>
#include <stop_token>
#include <string>

#include "base/bytes.h"
#include "platform/rate_limit.h"
#include "platform/unique_fd.h"

namespace bsr {

/// How long the other end has kept us waiting since it last got something done. Bytes that trickle
/// are no progress.
class StallClock {
 public:
  using Duration = std::chrono::steady_clock::duration;

  /// No limit when it is zero.
  explicit StallClock(std::chrono::seconds limit = {}) : limit_(limit) {}

  void progress() { waited_ = {}; }

  /// It is there, but got nothing done. Once half of the limit is over the wait begins anew, as
  /// long as all that was forgiven so comes to no more than this many limits. That is never given
  /// back.
  void sign_of_life();
  static constexpr int kForgiven = 4;

  /// Throws Error{peer} that says `who` is silent, when it is too long in all.
  void waited(Duration time, const char* who);

 private:
  std::chrono::seconds limit_;
  Duration waited_{};
  Duration forgiven_{};
};

/// Reads a descriptor that somebody else owns. Waiting ends within a second of a signal that asks
/// for the end.
class FdInput {
 public:
  explicit FdInput(int fd, StallClock stall = StallClock()) : fd_(fd), stall_(stall) {}

  /// At most into.size() bytes; 0 at the end. Throws Error{interrupted} after a signal or when
  /// `stop` asks for it, Error{peer} when nothing whole comes for too long, else as fail_errno()
  /// says.
  size_t read_some(std::span<std::byte> into, const std::stop_token& stop = {});

  /// The same, and 0 when nothing came for so long.
  size_t read_soon(std::span<std::byte> into, StallClock::Duration limit,
                   const std::stop_token& stop = {});

  /// What was read so far got something done, or shows that the sender is there.
  void progress() { stall_.progress(); }
  void sign_of_life() { stall_.sign_of_life(); }

  /// What came kept us busy for so long: as if we had waited, for a sender that gets nothing done
  /// as fast as it can. Throws Error{peer}.
  void spent(StallClock::Duration time) { stall_.waited(time, "the sender"); }

 private:
  int fd_;
  StallClock stall_;
};

/// Whether a descriptor is open and can be written to.
[[nodiscard]] bool is_writable(int fd);

/// Opens a file to be read front to back. Throws as fail_errno() says.
[[nodiscard]] UniqueFd open_input(const std::string& path);

/// Writes to a descriptor that somebody else owns.
class FdOutput {
 public:
  /// `while_waiting` is called at least twice a second while the reader does not read or the limit
  /// does not let us write.
  explicit FdOutput(int fd, std::function<void()> while_waiting = {},
                    StallClock stall = StallClock(), RateLimit limit = RateLimit());

  /// All parts, one after the other. Throws Error{peer} when the reader of the pipe is gone, or
  /// does not take all of them for too long; what the limit takes does not count.
  void write_all(std::initializer_list<ByteView> parts);

 private:
  [[nodiscard]] size_t wait_for_leave();
  [[nodiscard]] ssize_t write_some(std::span<const iovec> parts) const;

  int fd_;
  UniqueFd
      not_blocking_;  // the same pipe: writes to `fd_` itself would not return while it is full
  bool is_pipe_ = false;
  bool is_socket_ = false;
  std::function<void()> while_waiting_;
  StallClock stall_;
  RateLimit limit_;
};

}  // namespace bsr
