#include "tests/fakes/call_log.h"

#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <mutex>
#include <optional>

namespace {

std::mutex mutex;
std::optional<std::vector<std::string>> recorded;

std::string name_of(const char* path) {
  const std::string text = path;
  return text.substr(text.rfind('/') + 1);
}

std::string name_of(int fd) {
  struct stat facts {};
  if (fstat(fd, &facts) == 0 && S_ISDIR(facts.st_mode)) return ".";
  std::array<char, 4096> text{};
  const std::string link = "/proc/self/fd/" + std::to_string(fd);
  const ssize_t size = readlink(link.c_str(), text.data(), text.size() - 1);
  return size > 0 ? name_of(text.data()) : "?";
}

void note(const std::string& call) {
  const std::lock_guard lock(mutex);
  if (recorded) recorded->push_back(call);
}

void note(const char* what, const char* from, const char* to) {
  note(std::string(what) + ' ' + name_of(from) + ' ' + name_of(to));
}

}  // namespace

// NOLINTBEGIN(bugprone-reserved-identifier): names that the linker makes
extern "C" {
int __real_fsync(int);
int __wrap_fsync(int fd) {
  note("fsync " + name_of(fd));
  return __real_fsync(fd);
}

int __real_renameat(int, const char*, int, const char*);
int __wrap_renameat(int from_folder, const char* from, int to_folder, const char* to) {
  note("rename", from, to);
  return __real_renameat(from_folder, from, to_folder, to);
}

int __real_renameat2(int, const char*, int, const char*, unsigned);
int __wrap_renameat2(int from_folder, const char* from, int to_folder, const char* to,
                     unsigned flags) {
  note("rename", from, to);
  return __real_renameat2(from_folder, from, to_folder, to, flags);
}

int __real_linkat(int, const char*, int, const char*, int);
int __wrap_linkat(int from_folder, const char* from, int to_folder, const char* to, int flags) {
  note("link", from, to);
  return __real_linkat(from_folder, from, to_folder, to, flags);
}

int __real_unlink(const char*);
int __wrap_unlink(const char* path) {
  note("unlink " + name_of(path));
  return __real_unlink(path);
}

int __real_unlinkat(int, const char*, int);
int __wrap_unlinkat(int folder, const char* path, int flags) {
  note("unlink " + name_of(path));
  return __real_unlinkat(folder, path, flags);
}
}
// NOLINTEND(bugprone-reserved-identifier)

namespace bsr {

CallLog::CallLog() {
  const std::lock_guard lock(mutex);
  recorded.emplace();
}

CallLog::~CallLog() {
  const std::lock_guard lock(mutex);
  recorded.reset();
}

std::vector<std::string> CallLog::calls() const {
  const std::lock_guard lock(mutex);
  return *recorded;
}

}  // namespace bsr
