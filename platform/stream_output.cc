#include "platform/stream_output.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <string_view>
#include <thread>
#include <utility>

#include "base/error.h"
#include "platform/signals.h"

namespace bsr {
namespace {

using namespace std::chrono_literals;

/// A FIFO of somebody else could have been put there to get the stream.
bool is_our_fifo(const struct stat& facts) {
  return S_ISFIFO(facts.st_mode) && (facts.st_uid == geteuid() || facts.st_uid == 0);
}

[[noreturn]] void fail_not_ours(const std::string& name) {
  fail(ErrorKind::usage, "{}: is a FIFO of another user; make one of your own", name);
}

}  // namespace

std::optional<int> named_descriptor(const std::string& name) {
  constexpr std::string_view kFolder = "/dev/fd/";
  if (name == "/dev/stdout") return STDOUT_FILENO;
  if (!name.starts_with(kFolder)) return std::nullopt;
  int fd = -1;
  const char* const end = name.data() + name.size();
  const auto [rest, problem] = std::from_chars(name.data() + kFolder.size(), end, fd);
  if (problem != std::errc() || rest != end || fd < 0) return std::nullopt;
  return fd;
}

StreamOutput::StreamOutput(std::string name) : name_(std::move(name)) {
  if (name_.empty())
    fail(ErrorKind::usage, "--output: names nothing; give a file, FIFO or /dev/fd/N");
  if (const std::optional<int> fd = named_descriptor(name_)) {
    fd_ = *fd;
    if (fd_ == STDIN_FILENO || fd_ == STDERR_FILENO)
      fail(ErrorKind::usage, "{}: messages go there, or input comes from it; give another one",
           name_);
    check_descriptor();
    return;
  }
  struct stat facts {};
  if (lstat(name_.c_str(), &facts) == 0 && S_ISFIFO(facts.st_mode)) {
    if (!is_our_fifo(facts)) fail_not_ours(name_);
    is_fifo_ = true;
    return;
  }
  file_.emplace(name_);
  fd_ = file_->fd();
}

void StreamOutput::check_descriptor() const {
  // What we opened ourselves is closed on exec, what we were given is not.
  const int flags = fcntl(fd_, F_GETFD);
  if (flags < 0 || (flags & FD_CLOEXEC) != 0 || !is_writable(fd_))
    fail(ErrorKind::usage, "{}: is not open for writing; give a descriptor that is", name_);
  if (isatty(fd_) == 1)
    fail(ErrorKind::usage, "{}: is a terminal, and a stream is no text; use a pipe or a file",
         name_);
}

bool StreamOutput::is_same_as(const StreamOutput& other) const {
  struct stat mine {};
  struct stat theirs {};
  const auto look = [](const StreamOutput& output, struct stat& facts) {
    return (output.is_fifo_ ? lstat(output.name_.c_str(), &facts) : fstat(output.fd_, &facts)) == 0;
  };
  return look(*this, mine) && look(other, theirs) && !S_ISCHR(mine.st_mode) &&
         mine.st_dev == theirs.st_dev && mine.st_ino == theirs.st_ino;
}

bool StreamOutput::try_open_fifo() {
  fifo_ = UniqueFd(::open(name_.c_str(), O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  if (!fifo_ && errno == ENXIO) return false;  // nobody reads it
  if (!fifo_) fail_errno(errno, name_);
  struct stat facts {};
  if (fstat(fifo_.get(), &facts) != 0) fail_errno(errno, name_);
  if (!is_our_fifo(facts)) fail_not_ours(name_);
  return true;
}

int StreamOutput::open(const std::function<void()>& while_waiting, StallClock stall) {
  if (!is_fifo_) return fd_;
  constexpr auto kTurn = 100ms;
  while (!try_open_fifo()) {
    throw_if_stopped();
    std::this_thread::sleep_for(kTurn);
    while_waiting();
    stall.waited(kTurn, "the reader of the output");
  }
  return fifo_.get();
}

bool StreamOutput::close_descriptor() noexcept {
  if (file_ || is_fifo_ || name_.empty()) return true;
  const UniqueFd nothing(::open("/dev/null", O_WRONLY | O_CLOEXEC));
  return nothing && dup2(nothing.get(), fd_) >= 0;
}

void StreamOutput::commit() {
  fifo_.reset();
  if (file_) file_->commit();
  if (!close_descriptor()) fail_errno(errno, name_ + ": cannot be closed");
  ended_ = true;
}

void StreamOutput::give_up() noexcept {
  if (std::exchange(ended_, true)) return;
  if (is_fifo_ && !fifo_)
    fifo_ = UniqueFd(::open(name_.c_str(), O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC));
  fifo_.reset();
  file_.reset();
  static_cast<void>(close_descriptor());
}

}  // namespace bsr
