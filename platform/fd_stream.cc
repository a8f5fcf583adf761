#include "platform/fd_stream.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "base/error.h"
#include "platform/signals.h"

namespace bsr {
namespace {

// Short, because a signal between the check and poll() is only seen when poll() returns.
constexpr int kPollMilliseconds = 500;

void wait_for(int fd, short events, const std::stop_token& stop,
              const std::function<void()>& while_waiting) {
  for (;;) {
    throw_if_stopped();
    if (stop.stop_requested()) fail(ErrorKind::interrupted, "reading was given up");
    pollfd entry{fd, events, 0};
    const int ready = poll(&entry, 1, kPollMilliseconds);
    if (while_waiting) while_waiting();
    if (ready > 0) return;
    if (ready < 0 && errno != EINTR) fail_errno(errno, "cannot wait for the stream");
  }
}

}  // namespace

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
    wait_for(fd_, POLLIN, stop, {});
    const ssize_t got = read(fd_, into.data(), into.size());
    if (got >= 0) return static_cast<size_t>(got);
    if (errno != EINTR && errno != EAGAIN) fail_errno(errno, "cannot read the stream");
  }
}

void FdOutput::write_all(std::initializer_list<ByteView> parts) {
  std::array<iovec, 4> vector{};
  size_t count = 0;
  for (const ByteView part : parts)
    if (!part.empty())
      vector.at(count++) = {const_cast<std::byte*>(part.data()),
                            part.size()};  // NOLINT: writev does not write to it
  std::span<iovec> rest(vector.data(), count);
  while (!rest.empty()) {
    wait_for(fd_, POLLOUT, {}, while_waiting_);
    const ssize_t done = writev(fd_, rest.data(), static_cast<int>(rest.size()));
    if (done < 0 && errno == EPIPE)
      fail(ErrorKind::peer, "the reader of the output is gone; see its own message");
    if (done < 0 && errno != EINTR && errno != EAGAIN) fail_errno(errno, "cannot write the stream");
    size_t left = done < 0 ? 0 : static_cast<size_t>(done);
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
