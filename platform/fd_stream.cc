#include "platform/fd_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <thread>

#include "base/error.h"
#include "platform/clock.h"
#include "platform/signals.h"

namespace bsr {
namespace {

// Short, because a signal between the check and poll() is only seen when poll() returns.
constexpr int kPollMilliseconds = 500;

constexpr size_t kMaxParts = 4;  // of one write

/// Waits for half a second at most.
bool is_ready(int fd, short events, const std::stop_token& stop) {
  throw_if_stopped();
  if (stop.stop_requested()) fail(ErrorKind::interrupted, "reading was given up");
  pollfd entry{fd, events, 0};
  const int ready = poll(&entry, 1, kPollMilliseconds);
  if (ready < 0 && errno != EINTR) fail_errno(errno, "cannot wait for the stream");
  return ready > 0;
}

/// Returns when the descriptor is ready. `turn` is called at least twice a second with how long it
/// was not.
void wait_for(int fd, short events, const std::stop_token& stop,
              const std::function<void(StallClock::Duration)>& turn) {
  for (bool ready = false; !ready;) {
    const auto begin = steady_now();
    ready = is_ready(fd, events, stop);
    turn(steady_now() - begin);
  }
}

/// Another descriptor of the same pipe that never blocks; the one we were given may be shared with
/// programs that are not prepared for that. Empty when we may not open it anew.
UniqueFd reopened(int fd) {
  return UniqueFd(
      open(fmt::format("/proc/self/fd/{}", fd).c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
}

/// What is written at once.
class Parts {
 public:
  Parts(std::span<const iovec> all, size_t limit) {
    for (const iovec& part : all) {
      if (limit == 0) break;
      parts_.at(count_) = {part.iov_base, std::min(part.iov_len, limit)};
      limit -= parts_.at(count_++).iov_len;
    }
  }
  [[nodiscard]] std::span<const iovec> get() const { return {parts_.data(), count_}; }

 private:
  std::array<iovec, kMaxParts> parts_{};
  size_t count_ = 0;
};

}  // namespace

void StallClock::sign_of_life() {
  if (2 * waited_ < limit_ || forgiven_ + waited_ > kForgiven * limit_) return;
  forgiven_ += waited_;
  waited_ = {};
}

void StallClock::waited(Duration time, const char* who) {
  waited_ += time;
  if (limit_ == limit_.zero() || waited_ < limit_) return;
  const auto forgiven = std::chrono::duration_cast<std::chrono::seconds>(forgiven_).count();
  fail(ErrorKind::peer,
       "{} got nothing whole done for {} seconds (--stall-timeout){}; see its own messages and the "
       "link",
       who, limit_.count(),
       forgiven > 0 ? fmt::format(", and only gave signs of life for {} more", forgiven) : "");
}

bool is_writable(int fd) {
  const int flags = fcntl(fd, F_GETFL);
  return flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

UniqueFd open_input(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) fail_errno(errno, path);
  return fd;
}

size_t FdInput::read_some(std::span<std::byte> into, const std::stop_token& stop) {
  for (;;) {
    wait_for(fd_, POLLIN, stop, [&](auto time) { stall_.waited(time, "the sender"); });
    const auto begin = steady_now();
    const ssize_t got = read(fd_, into.data(), into.size());
    if (got > 0) spent(steady_now() - begin);
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR && errno != EAGAIN) fail_errno(errno, "cannot read the stream");
  }
}

size_t FdInput::read_soon(std::span<std::byte> into, StallClock::Duration limit,
                          const std::stop_token& stop) {
  for (const auto begin = steady_now(); steady_now() - begin < limit;)
    if (is_ready(fd_, POLLIN, stop)) return read_some(into, stop);
  return 0;
}

FdOutput::FdOutput(int fd, std::function<void()> while_waiting, StallClock stall, RateLimit limit)
    : fd_(fd), while_waiting_(std::move(while_waiting)), stall_(stall), limit_(std::move(limit)) {
  struct stat facts {};
  if (fstat(fd, &facts) != 0) return;
  is_pipe_ = S_ISFIFO(facts.st_mode);
  is_socket_ = S_ISSOCK(facts.st_mode);
  if (is_pipe_) not_blocking_ = reopened(fd);
}

/// How many bytes the limit lets us write now, at least one.
size_t FdOutput::wait_for_leave() {
  for (;;) {
    const RateLimit::Leave leave = limit_.leave();
    if (leave.bytes > 0) return leave.bytes;
    throw_if_stopped();
    std::this_thread::sleep_for(
        std::min<RateLimit::Duration>(leave.wait, std::chrono::milliseconds(kPollMilliseconds)));
    if (while_waiting_) while_waiting_();
  }
}

ssize_t FdOutput::write_some(std::span<const iovec> parts) const {
  if (is_socket_) {
    msghdr message{};
    message.msg_iov = const_cast<iovec*>(parts.data());  // NOLINT: sendmsg does not write to it
    message.msg_iovlen = parts.size();
    return sendmsg(fd_, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
  }
  if (not_blocking_)
    return writev(not_blocking_.get(), parts.data(), static_cast<int>(parts.size()));
  // A pipe that is ready takes this much at once.
  if (is_pipe_) return write(fd_, parts[0].iov_base, std::min<size_t>(parts[0].iov_len, PIPE_BUF));
  return writev(fd_, parts.data(), static_cast<int>(parts.size()));
}

void FdOutput::write_all(std::initializer_list<ByteView> parts) {
  std::array<iovec, kMaxParts> vector{};
  size_t count = 0;
  for (const ByteView part : parts)
    if (!part.empty())
      vector.at(count++) = {const_cast<std::byte*>(part.data()),
                            part.size()};  // NOLINT: writev does not write to it
  std::span<iovec> rest(vector.data(), count);
  stall_.progress();
  while (!rest.empty()) {
    const Parts now(rest, wait_for_leave());
    wait_for(fd_, POLLOUT, {}, [&](auto time) {
      if (while_waiting_) while_waiting_();
      stall_.waited(time, "the reader of the output");
    });
    const ssize_t done = write_some(now.get());
    if (done < 0 && errno == EPIPE)
      fail(ErrorKind::peer, "the reader of the output is gone; see its own message");
    if (done < 0 && errno != EINTR && errno != EAGAIN) fail_errno(errno, "cannot write the stream");
    size_t left = done < 0 ? 0 : static_cast<size_t>(done);
    limit_.sent(left);
    while (!rest.empty() && left >= rest.front().iov_len) {
      left -= rest.front().iov_len;
      rest = rest.subspan(1);
    }
    if (left > 0) {
      rest.front().iov_base = static_cast<std::byte*>(rest.front().iov_base) + left;
      rest.front().iov_len -= left;
    }
  }
}

}  // namespace bsr
