#include "platform/stuck_io.h"

#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <string>

#include "platform/program.h"
#include "platform/signals.h"

namespace bsr {
namespace {

// A disk that is only slow gets so long to let us end in the usual way.
constexpr std::chrono::seconds kGrace{2};

std::string name_of(int fd) {
  std::array<char, 4096> name{};
  const ssize_t size =
      readlink(fmt::format("/proc/self/fd/{}", fd).c_str(), name.data(), name.size());
  return size > 0 ? std::string(name.data(), static_cast<size_t>(size)) : "a file";
}

[[noreturn]] void end(ErrorKind kind, const std::string& why, int fd) {
  const std::string name = name_of(fd);
  end_at_once(Error(
      kind, fmt::format("{}, and {} does not answer: the device, or one below it, is suspended "
                        "(`dmsetup info -c` shows it, `dmsetup resume NAME` ends it), or a disk "
                        "hangs (see the kernel log); what is active for this session the next one "
                        "puts back",
                        why, name)));
}

}  // namespace

void StuckIo::still_waiting(int fd) {
  const Time now = std::chrono::steady_clock::now();
  if (const int number = stop_signal(); number != 0) {
    if (!stopped_) stopped_ = now;
    if (now - *stopped_ >= kGrace)
      end(ErrorKind::interrupted, fmt::format("stopped by signal {}", number), fd);
  }
  if (limit_.count() > 0 && now - begin_ >= limit_)
    end(ErrorKind::busy, fmt::format("waited for {} seconds (--stall-timeout)", limit_.count()),
        fd);
}

}  // namespace bsr
