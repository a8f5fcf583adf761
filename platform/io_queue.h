// Reads and writes that are under way while the program does something else.
#pragma once

#include <sys/uio.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <vector>

#include "base/bytes.h"

namespace bsr {

struct IoRequest {
  enum class Kind { read, write };
  Kind kind = Kind::read;
  int fd = -1;                     ///< must stay open
  uint64_t offset = 0;             ///< bytes
  std::vector<iovec> pieces = {};  ///< one after the other; memory that must stay
  uint64_t tag = 0;
};

struct IoDone {
  uint64_t tag = 0;
  ssize_t result = 0;  ///< bytes, perhaps fewer than asked for, or -errno
};

/// Carries out one request, now.
[[nodiscard]] IoDone carry_out(const IoRequest& request);

/// Who carries requests out. Its destructor forgets those that were not begun and waits for the
/// rest.
class IoCarrier {
 public:
  static constexpr std::chrono::milliseconds kTurn{250};

  virtual ~IoCarrier() = default;
  virtual void start(std::vector<IoRequest> requests) = 0;

  /// Appends what has ended; when nothing has, waits for what ends next, for kTurn at most.
  /// `wanted`: who waits for this one only need not be woken for others.
  virtual void collect(std::deque<IoDone>& done, std::optional<uint64_t> wanted) = 0;
};

/// The kernel's io_uring, or threads where that is forbidden, as it is in many containers. (The
/// kernel takes tens of milliseconds to end a context of its older aio, longer than most deltas
/// take.) Serves one thread.
class IoQueue {
 public:
  /// `at_once`: so many at a time; others wait their turn.
  /// `limit`: for one wait, as StuckIo has it. `carrier`: instead of those; for tests.
  explicit IoQueue(size_t at_once, std::chrono::seconds limit = {},
                   std::unique_ptr<IoCarrier> carrier = nullptr)
      : at_once_(at_once), limit_(limit), carrier_(std::move(carrier)) {}
  IoQueue(const IoQueue&) = delete;
  IoQueue& operator=(const IoQueue&) = delete;

  void start(std::vector<IoRequest> requests);
  void read(int fd, uint64_t offset, std::span<std::byte> into, uint64_t tag);
  void write(int fd, uint64_t offset, ByteView bytes, uint64_t tag);

  /// Started, and not returned by wait() or wait_for() yet.
  [[nodiscard]] size_t in_flight() const { return in_flight_; }

  /// The next one that ends, in any order; needs in_flight() > 0.
  IoDone wait();

  /// The one with this tag, which must be in flight, and no other with it.
  IoDone wait_for(uint64_t tag);

 private:
  IoDone take(const std::deque<IoDone>::iterator& done);

  size_t at_once_;
  std::chrono::seconds limit_;
  int last_fd_ = -1;  // one that is read or written, for a message
  size_t in_flight_ = 0;
  std::deque<IoDone> done_;
  std::unique_ptr<IoCarrier> carrier_;  // once there is something to carry out
};

}  // namespace bsr
