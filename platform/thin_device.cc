#include "platform/thin_device.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <fstream>
#include <string>

#include "base/error.h"
#include "base/sector.h"
#include "platform/device_mapper.h"

namespace bsr {
namespace {

uint64_t number(const std::string& text, const char* what) {
  uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size())
    fail(ErrorKind::failed, "the device mapper says \"{}\" where {} belongs", text, what);
  return value;
}

std::string sysfs_folder(dev_t device) {
  return fmt::format("/sys/dev/block/{}:{}/dm", major(device), minor(device));
}

/// "254:3": the pool, by its device number. Some versions print a path instead; LVM's tables never
/// do.
dev_t pool_device_of(const MappedTarget& thin) {
  const std::string& device = thin.parameters.at(0);
  const size_t colon = device.find(':');
  if (colon == std::string::npos)
    fail(ErrorKind::failed, "the device mapper says \"{}\" where a pool belongs", device);
  return makedev(static_cast<uint32_t>(number(device.substr(0, colon), "a device number")),
                 static_cast<uint32_t>(number(device.substr(colon + 1), "a device number")));
}

MappedTarget pool_target(dev_t device) {
  const std::optional<MappedTarget> pool = first_target(major(device), minor(device));
  if (!pool || pool->type != "thin-pool" || pool->parameters.size() < 4)
    fail(ErrorKind::failed, "device {}:{} is no thin pool, though a thin volume lies in it",
         major(device), minor(device));
  return *pool;
}

/// VG/POOL of VG-POOL-tpool.
std::string pool_name(dev_t device) {
  std::string name;
  std::ifstream file(sysfs_folder(device) + "/name");
  std::getline(file, name);
  constexpr std::string_view kLayer = "-tpool";
  if (!name.ends_with(kLayer)) return name;
  const std::optional<VolumeName> pool =
      parse_volume_name("/dev/mapper/" + name.substr(0, name.size() - kLayer.size()));
  return pool ? to_string(*pool) : name;
}

}  // namespace

std::optional<ThinFacts> thin_facts(int fd) {
  struct stat status {};
  if (fstat(fd, &status) != 0 || !S_ISBLK(status.st_mode)) return std::nullopt;
  return thin_facts_of(status.st_rdev);
}

std::optional<ThinFacts> thin_facts_of(dev_t device) {
  // Without the device mapper in the kernel its library has nobody to ask.
  if (access(sysfs_folder(device).c_str(), F_OK) != 0) return std::nullopt;
  const std::optional<MappedTarget> thin = first_target(major(device), minor(device));
  if (!thin || thin->type != "thin" || thin->parameters.size() < 2) return std::nullopt;
  const dev_t pool_number = pool_device_of(*thin);
  // metadata, data, chunk sectors, low water mark, [features]
  const MappedTarget pool = pool_target(pool_number);
  ThinFacts facts;
  facts.chunk_size = number(pool.parameters.at(2), "a chunk size") * kSectorSize;
  if (facts.chunk_size == 0)
    fail(ErrorKind::failed, "the device mapper says that chunks have no size");
  const auto has = [&](const char* feature) {
    return std::ranges::find(pool.parameters, feature) != pool.parameters.end();
  };
  facts.zeroes_new_chunks = !has("skip_block_zeroing");
  facts.takes_discards = !has("ignore_discard");
  facts.has_external_origin = thin->parameters.size() > 2;
  facts.pool = pool_name(pool_number);
  return facts;
}

}  // namespace bsr
