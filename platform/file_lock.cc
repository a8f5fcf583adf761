#include "platform/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <thread>

#include "base/error.h"
#include "platform/signals.h"

namespace bsr {
namespace {

constexpr std::chrono::milliseconds kInterval{50};

/// Who wrote its number into the lock, as text for a message.
std::string holder_of(int file) {
  std::array<char, 24> text{};
  const ssize_t size = pread(file, text.data(), text.size(), 0);
  std::string number(text.data(), size > 0 ? static_cast<size_t>(size) : 0);
  std::erase_if(number, [](char letter) { return letter < '0' || letter > '9'; });
  return number.empty() ? "another process" : "process " + number;
}

}  // namespace

UniqueFd open_private_folder(const std::string& path) {
  if (mkdir(path.c_str(), 0700) != 0 && errno != EEXIST)
    fail_errno(errno, "making folder " + path + " (run this as root)");
  UniqueFd folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (!folder) fail_errno(errno, "opening folder " + path + " (run this as root)");
  struct stat facts {};
  if (fstat(folder.get(), &facts) != 0) fail_errno(errno, "looking at folder " + path);
  if (facts.st_uid != geteuid() || (facts.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    fail(ErrorKind::failed, "folder {} must belong to us and be writable by nobody else", path);
  return folder;
}

FileLock::FileLock(const std::string& folder, const std::string& name, const std::string& what,
                   std::chrono::steady_clock::time_point deadline, OnStop on_stop) {
  const UniqueFd place = open_private_folder(folder);
  const std::string file_name = name + ".lock";
  UniqueFd file(
      openat(place.get(), file_name.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file) fail_errno(errno, fmt::format("opening {}/{}", folder, file_name));
  while (flock(file.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK && errno != EINTR)
      fail_errno(errno, fmt::format("locking {}/{}", folder, file_name));
    if (on_stop == OnStop::give_up) throw_if_stopped();
    if (std::chrono::steady_clock::now() >= deadline)
      fail(ErrorKind::busy, "{} is in use by {}; try again when that has ended", what,
           holder_of(file.get()));
    std::this_thread::sleep_for(kInterval);
  }
  // Only for the message above, so failing to write it is no failure.
  const std::string number = std::to_string(getpid());
  if (ftruncate(file.get(), 0) == 0)
    (void)(pwrite(file.get(), number.data(), number.size(), 0) > 0);
  file_ = std::move(file);
}

}  // namespace bsr
