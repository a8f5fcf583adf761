// Any bytes as a JSON report of LVM: an Error, or values that keep their promises.
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/error.h"
#include "platform/lvm_report.h"

namespace {

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view report(reinterpret_cast<const char*>(data), size);
  try {
    for (const bsr::LogicalVolume& volume : bsr::parse_volumes(report)) {
      require(bsr::is_valid_name(volume.name.vg) && bsr::is_valid_name(volume.name.lv));
      require(volume.uuid.size() == 38);
      require(!volume.is_thin || volume.chunk_size % 512 == 0);
      for (const std::string& tag : volume.tags) require(bsr::is_valid_tag(tag));
    }
  } catch (const bsr::Error&) {
  }
  try {
    static_cast<void>(bsr::parse_thin_pool(report, {"vg", "pool"}));
  } catch (const bsr::Error&) {
  }
  try {
    for (const std::string& path : bsr::parse_devices(report)) require(path.starts_with("/dev/"));
  } catch (const bsr::Error&) {
  }
  try {
    static_cast<void>(bsr::has_queued_messages(report, "pool"));
  } catch (const bsr::Error&) {
  }
  return 0;
}
