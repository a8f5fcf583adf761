#include "platform/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/error.h"

namespace bsr {
namespace {

constexpr const char* kFolder = "/run/bsr";

std::string holder_of(int fd) {
  std::array<char, 24> text{};
  const ssize_t size = pread(fd, text.data(), text.size() - 1, 0);
  std::string pid(text.data(), size > 0 ? static_cast<size_t>(size) : 0);
  std::erase_if(pid, [](char c) { return c < '0' || c > '9'; });
  return pid.empty() ? "an unknown process" : "process " + pid;
}

}  // namespace

FileLock::FileLock(const std::string& name, const std::string& who_is_busy) {
  if (mkdir(kFolder, 0700) != 0 && errno != EEXIST)
    fail_errno(errno, std::string(kFolder) + ": cannot be made (run this as root)");
  const std::string path = fmt::format("{}/{}.lock", kFolder, name);
  fd_ = UniqueFd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!fd_) fail_errno(errno, path + ": cannot be opened (run this as root)");
  if (flock(fd_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) fail_errno(errno, path + ": cannot be locked");
    fail(ErrorKind::busy, "{} ({}); wait for that to end", who_is_busy, holder_of(fd_.get()));
  }
  const std::string pid = fmt::format("{}\n", getpid());
  if (ftruncate(fd_.get(), 0) != 0 || pwrite(fd_.get(), pid.data(), pid.size(), 0) < 0)
    fail_errno(errno, path + ": cannot be written");
}

}  // namespace bsr
