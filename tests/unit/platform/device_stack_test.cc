// What the kernel says of devices below a device, in a folder that looks like sysfs.
#include "platform/device_stack.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include "platform/block_io.h"
#include "tests/fakes/temporary_folder.h"

namespace bsr {
namespace {

class DeviceStack : public testing::Test {
 protected:
  /// A device and its folder below devices/.
  void device(const std::string& folder, const std::string& number) const {
    const auto path = std::filesystem::path(sysfs_.path()) / "devices" / folder;
    std::filesystem::create_directories(path / "slaves");
    std::filesystem::create_directories(std::filesystem::path(sysfs_.path()) / "dev/block");
    file(folder + "/dev", number + "\n");
    std::filesystem::create_symlink("../../devices/" + folder, sysfs_.path("dev/block/" + number));
  }
  void file(const std::string& name, const std::string& text) const {
    std::filesystem::create_directories(
        std::filesystem::path(sysfs_.path("devices/" + name)).parent_path());
    sysfs_.write("devices/" + name, std::as_bytes(std::span(text)));
  }
  void slave(const std::string& of, const std::string& folder) const {
    std::filesystem::create_directory_symlink(sysfs_.path("devices/" + folder),
                                              sysfs_.path("devices/" + of + "/slaves/" + folder));
  }
  [[nodiscard]] std::vector<dev_t> below(unsigned major, unsigned minor) const {
    return devices_below(makedev(major, minor), sysfs_.path());
  }

  TemporaryFolder sysfs_;
};

TEST_F(DeviceStack, APartitionStandsOnItsDisk) {
  device("sda", "8:0");
  device("sda/sda2", "8:2");
  file("sda/sda2/partition", "2\n");
  EXPECT_EQ((std::vector<dev_t>{makedev(8, 0)}), below(8, 2));
  EXPECT_TRUE(below(8, 0).empty());
}

TEST_F(DeviceStack, AMappedDeviceStandsOnAllItIsMadeOf) {
  device("dm-3", "254:3");
  device("sdb", "8:16");
  device("nvme0n1", "259:70000");
  slave("dm-3", "sdb");
  slave("dm-3", "nvme0n1");
  std::vector<dev_t> found = below(254, 3);
  std::ranges::sort(found);
  EXPECT_EQ((std::vector<dev_t>{makedev(8, 16), makedev(259, 70000)}), found);
}

/// Of a file there is no device below that would tell more.
TEST_F(DeviceStack, ALoopDeviceOfAFileStandsOnNone) {
  device("loop1", "7:1");
  file("loop1/loop/backing_file", sysfs_.write("image", {}) + "\n");
  EXPECT_TRUE(below(7, 1).empty());
}

TEST_F(DeviceStack, WhatIsNotThereStandsOnNone) { EXPECT_TRUE(below(9, 9).empty()); }

TEST(ThinVolumesBelow, OfAFileAreNone) {
  const TemporaryFolder folder;
  const BlockFile file(folder.write("file", Bytes(4096)), BlockFile::Access::shared_read);
  EXPECT_TRUE(thin_volumes_below(file.fd()).empty());
}

}  // namespace
}  // namespace bsr
