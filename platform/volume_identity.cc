#include "platform/volume_identity.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <linux/loop.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>

#include "base/error.h"
#include "platform/small_file.h"

namespace bsr {
namespace {

std::string one_line(std::string text) {
  text.resize(std::min(text.find('\n'), text.size()));
  std::erase_if(text, [](char letter) { return letter < ' ' || letter > '~'; });
  return text;
}

/// Of a file in sysfs; empty when there is none.
std::string line_of(const std::string& file) try {
  return one_line(read_small_file(AT_FDCWD, file).value_or(""));
} catch (const Error&) {
  return "";
}

std::string kernel_name_of(const std::string& folder) {
  for (const char* file : {"dm/uuid", "md/uuid", "wwid", "device/wwid", "serial", "device/serial"})
    if (std::string name = line_of(folder + file); !name.empty()) return name;
  return "";
}

std::string device_name(int fd, dev_t device) {
  loop_info64 loop{};
  if (major(device) == 7 && ioctl(fd, LOOP_GET_STATUS64, &loop) == 0)  // it never has another major
    return fmt::format("loop {}:{} {}", loop.lo_device, loop.lo_inode, loop.lo_offset);
  const std::string folder = fmt::format("/sys/dev/block/{}:{}/", major(device), minor(device));
  if (std::string name = kernel_name_of(folder); !name.empty()) return name;
  const std::string start = line_of(folder + "start");  // only a partition has one
  const std::string disk = start.empty() ? "" : kernel_name_of(folder + "../");
  if (!disk.empty()) return fmt::format("{} from {}", disk, start);
  return fmt::format("{}:{}", major(device), minor(device));
}

std::string file_name(int fd) {
  struct statx facts {};
  if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &facts) != 0)
    fail_errno(errno, "looking at a file");
  int generation = 0;
  if (ioctl(fd, FS_IOC_GETVERSION, &generation) != 0) generation = 0;
  return fmt::format("file {} {}.{:09} {}", facts.stx_ino, facts.stx_btime.tv_sec,
                     facts.stx_btime.tv_nsec, static_cast<unsigned>(generation));
}

}  // namespace

std::string volume_identity(int fd) {
  struct stat facts {};
  if (fstat(fd, &facts) != 0) fail_errno(errno, "looking at a volume");
  if (!S_ISBLK(facts.st_mode)) return file_name(fd);
  uint64_t size = 0;
  if (ioctl(fd, BLKGETSIZE64, &size) != 0) fail_errno(errno, "asking a device for its size");
  return fmt::format("device {} {}", size, device_name(fd, facts.st_rdev));
}

}  // namespace bsr
