#include "platform/new_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>

#include "base/error.h"
#include "platform/small_file.h"

namespace bsr {
namespace {

[[noreturn]] void fail_exists(const std::string& path) {
  fail(ErrorKind::usage, "{}: exists; choose another name or remove it", path);
}

}  // namespace

NewFile::NewFile(std::string path, Kind kind)
    : path_(std::move(path)), keep_(kind == Kind::continued) {
  const std::string name = kind == Kind::whole ? path_ + ".bsr-new" : partial_path(path_);
  struct stat ours {};
  struct stat named {};
  do {  // again when somebody gave the file its final name between our opening and locking it
    fd_ = UniqueFd(open(name.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
    if (!fd_) fail_errno(errno, path_ + ": cannot be made");
    if (flock(fd_.get(), LOCK_EX | LOCK_NB) != 0)
      fail(ErrorKind::busy, "{}: another program is writing it; wait for that to end", path_);
    if (fstat(fd_.get(), &ours) != 0) fail_errno(errno, path_);
  } while (lstat(name.c_str(), &named) != 0 || named.st_ino != ours.st_ino ||
           named.st_dev != ours.st_dev);
  temporary_ = name;
  if (lstat(path_.c_str(), &named) == 0) {
    if (!keep_) unlink(temporary_.c_str());
    fail_exists(path_);
  }
  if (!keep_) restart();
}

void NewFile::restart() {
  keep_ = false;
  if (ftruncate(fd_.get(), 0) != 0) fail_errno(errno, path_ + ": cannot be made");
}

NewFile::~NewFile() {
  if (!temporary_.empty() && !keep_) unlink(temporary_.c_str());
}

void NewFile::cut_behind(uint64_t position) {
  struct stat facts {};
  if (fstat(fd_.get(), &facts) != 0 || ftruncate(fd_.get(), static_cast<off_t>(position)) != 0 ||
      ftruncate(fd_.get(), facts.st_size) != 0 || fsync(fd_.get()) != 0)
    fail_errno(errno, path_);
}

void NewFile::commit() {
  if (fsync(fd_.get()) != 0) fail_errno(errno, path_ + ": cannot flush");
  if (renameat2(AT_FDCWD, temporary_.c_str(), AT_FDCWD, path_.c_str(), RENAME_NOREPLACE) != 0) {
    if (errno == EEXIST) fail_exists(path_);
    if (errno != EINVAL) fail_errno(errno, path_ + ": cannot be given its name");
    // A file system without RENAME_NOREPLACE: a second name refuses to replace as well.
    if (link(temporary_.c_str(), path_.c_str()) != 0) {
      if (errno == EEXIST) fail_exists(path_);
      fail_errno(errno, path_ + ": cannot be given its name");
    }
    unlink(temporary_.c_str());
  }
  temporary_.clear();
  const UniqueFd folder(open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || fsync(folder.get()) != 0) fail_errno(errno, folder_of(path_) + ": cannot flush");
}

}  // namespace bsr
