#include "platform/file_mark.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"

namespace bsr {
namespace {

constexpr size_t kMarkLimit = 4096;

const char* attribute(Mark mark) { return mark == Mark::half ? "user.bsr.half" : "user.bsr.holds"; }

bool is_regular(int fd) {
  struct stat facts {};
  return fstat(fd, &facts) == 0 && S_ISREG(facts.st_mode);
}

void flush(int fd) {
  if (fsync(fd) != 0) fail_errno(errno, "flushing an attribute");
}

}  // namespace

std::optional<std::string> read_mark(int fd, Mark mark) {
  if (!is_regular(fd)) return std::nullopt;
  std::string text(kMarkLimit, '\0');
  const ssize_t size = fgetxattr(fd, attribute(mark), text.data(), text.size());
  if (size < 0 && errno == ERANGE) return "";  // not ours, but a mark
  if (size < 0) return std::nullopt;
  text.resize(static_cast<size_t>(size));
  return text;
}

bool can_be_marked(int fd) {
  return is_regular(fd) &&
         (fgetxattr(fd, attribute(Mark::half), nullptr, 0) >= 0 || errno == ENODATA);
}

bool set_mark(int fd, Mark mark, const std::string& text) {
  if (!is_regular(fd)) return false;
  if (fsetxattr(fd, attribute(mark), text.data(), text.size(), 0) != 0) return false;
  flush(fd);
  return true;
}

void remove_mark(int fd, Mark mark) {
  if (!is_regular(fd)) return;
  if (fremovexattr(fd, attribute(mark)) == 0) return flush(fd);
  if (errno != ENODATA && errno != EOPNOTSUPP) fail_errno(errno, "removing an attribute");
}

bool may_have_other_names(int fd) {
  struct statx facts {};
  if (statx(fd, "", AT_EMPTY_PATH, STATX_NLINK | STATX_TYPE, &facts) != 0) return true;
  if (!S_ISREG(facts.stx_mode)) return false;
  return facts.stx_nlink > 1 || (facts.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;
}

}  // namespace bsr
