#include "platform/program.h"

#include <fcntl.h>
#include <malloc.h>
#include <unistd.h>

#include <atomic>
#include <cstdio>

#include "platform/signals.h"

namespace bsr {
namespace {

/// A standard descriptor that is closed would be given to the next file that is opened, and what is
/// meant for a person would be written into a volume. In its place comes one that can only fail.
void occupy_standard_descriptors() {
  for (const int fd : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO})
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
      fail(ErrorKind::failed, "descriptor {} is closed and cannot be replaced", fd);
}

/// Frames come and go by the thousand. Buffers as large as theirs would go back to the kernel each
/// time, and all their pages be cleared and mapped anew: half of a receiver's processor time.
void keep_freed_memory() {
  mallopt(M_MMAP_THRESHOLD, 8 << 20);
  mallopt(M_TRIM_THRESHOLD, 64 << 20);
}

int report(std::string_view name, const Error& error,
           const std::function<void(const Error&, int)>& on_error) {
  int status = exit_code(error.kind());
  if (error.kind() == ErrorKind::interrupted && stop_signal() != 0) status = 128 + stop_signal();
  std::fputs(fmt::format("{}: {}\n", name, error.what()).c_str(), stderr);
  if (on_error) on_error(error, status);
  return status;
}

// What run_program() was told, for a thread that has no way back to it.
std::atomic<const std::function<int(const Error&)>*> last_report{nullptr};

}  // namespace

void end_at_once(const Error& error) {
  const auto* const report_it = last_report.exchange(nullptr);
  _exit(report_it != nullptr ? (*report_it)(error) : exit_code(error.kind()));
}

int run_program(std::string_view name, const std::function<int()>& story,
                const std::function<void(const Error&, int status)>& on_error) {
  const std::function<int(const Error&)> report_it = [&](const Error& error) {
    return report(name, error, on_error);
  };
  last_report = &report_it;
  try {
    keep_freed_memory();
    occupy_standard_descriptors();
    install_signal_handlers();
    return story();
  } catch (...) {
    return report(name, as_error(std::current_exception()), on_error);
  }
}

}  // namespace bsr
