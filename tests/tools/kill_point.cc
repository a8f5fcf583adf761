// What kill_point() is in the killable-* programs.
#include "platform/kill_point.h"

#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"

namespace bsr {

void kill_point(const char* name) {
  static const char* const wanted = std::getenv("BSR_KILL_POINT");
  static std::atomic<unsigned> passed{0};
  if (wanted == nullptr) return;
  const std::string_view text = wanted;
  const size_t colon = text.find(':');
  if (text.substr(0, colon) != name) return;
  const unsigned at = colon == std::string_view::npos
                          ? 1
                          : static_cast<unsigned>(std::strtoul(wanted + colon + 1, nullptr, 10));
  if (++passed != at) return;
  const std::string line = fmt::format("at kill point {} in process {}\n", name, getpid());
  if (write(STDERR_FILENO, line.data(), line.size()) < 0) _exit(1);
  for (;;) pause();
}

}  // namespace bsr
