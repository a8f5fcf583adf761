#include "platform/small_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/error.h"

namespace bsr {
namespace {

constexpr size_t kLimit = 4096;

}  // namespace

std::string folder_of(const std::string& path) {
  const size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

std::optional<std::string> read_small_file(int folder, const std::string& name) {
  // O_NONBLOCK: somebody else's FIFO must not hold us.
  const UniqueFd file(openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file && errno == ENOENT) return std::nullopt;
  if (!file) fail_errno(errno, "opening " + name);
  struct stat facts {};
  if (fstat(file.get(), &facts) != 0) fail_errno(errno, "looking at " + name);
  if (!S_ISREG(facts.st_mode)) fail(ErrorKind::failed, "{}: is not a regular file", name);
  std::string text(kLimit, '\0');
  const ssize_t count = pread(file.get(), text.data(), text.size(), 0);
  if (count < 0) fail_errno(errno, "reading " + name);
  text.resize(static_cast<size_t>(count));
  return text;
}

UniqueFd replace_small_file(int folder, const std::string& name, std::string_view text) {
  const std::string draft = name + ".new";
  UniqueFd file(
      openat(folder, draft.c_str(), O_RDWR | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) fail_errno(errno, "making " + name);
  const auto fail_writing = [&] {
    const int number = errno;
    unlinkat(folder, draft.c_str(), 0);
    fail_errno(number, "writing " + name);
  };
  if (pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()) ||
      fsync(file.get()) != 0 || renameat(folder, draft.c_str(), folder, name.c_str()) != 0 ||
      fsync(folder) != 0)
    fail_writing();
  return file;
}

void remove_small_file(int folder, const std::string& name) {
  if (unlinkat(folder, name.c_str(), 0) != 0) {
    const int why = errno;
    // In a folder that cannot be written there may be nothing to remove.
    if (faccessat(folder, name.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) == 0 || errno != ENOENT)
      fail_errno(why, "removing " + name);
  }
  // Also when it was gone already: whoever removed it may have died before this.
  if (fsync(folder) != 0 && errno != EINVAL) fail_errno(errno, "removing " + name);
}

}  // namespace bsr
