#include "platform/block_identity.h"

#include <fcntl.h>
#include <sys/sysmacros.h>

#include <algorithm>

#include "base/error.h"
#include "platform/small_file.h"

namespace bsr {
namespace {

std::string one_line(std::string text) {
  text.resize(std::min(text.find('\n'), text.size()));
  std::erase_if(text, [](char letter) { return letter < ' ' || letter > '~'; });
  return text;
}

}  // namespace

std::string block_device_identity(dev_t device, uint64_t size) {
  const std::string folder = fmt::format("/sys/dev/block/{}:{}/", major(device), minor(device));
  std::string name;
  for (const char* file : {"dm/uuid", "wwid", "device/wwid", "serial", "device/serial"}) try {
      if (name.empty()) name = one_line(read_small_file(AT_FDCWD, folder + file).value_or(""));
    } catch (const Error&) {  // NOLINT(bugprone-empty-catch): then the next one
    }
  if (name.empty()) name = fmt::format("{}:{}", major(device), minor(device));
  return fmt::format("device {} {}", size, name);
}

}  // namespace bsr
