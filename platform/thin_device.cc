#include "platform/thin_device.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <fstream>
#include <string>

#include "base/error.h"
#include "platform/device_mapper.h"

namespace bsr {

std::optional<uint64_t> thin_device_chunk(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0 || !S_ISBLK(status.st_mode)) return std::nullopt;
  const unsigned major_number = major(status.st_rdev);
  const unsigned minor_number = minor(status.st_rdev);
  if (target_type(major_number, minor_number) != "thin") return std::nullopt;
  // dm-thin sets its discard granularity to the pool's chunk size, and to 0 when the pool ignores discards.
  std::ifstream file(
      fmt::format("/sys/dev/block/{}:{}/queue/discard_granularity", major_number, minor_number));
  uint64_t granularity = 0;
  if (!(file >> granularity) || granularity == 0) return std::nullopt;
  return granularity;
}

}  // namespace bsr
