// Which records are of volumes that are gone.
#include "bsr-recv/old_records.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/fakes/temporary_folder.h"

namespace bsr {
namespace {

LogicalVolume volume(const std::string& vg_uuid, const std::string& uuid) {
  LogicalVolume made;
  made.vg_uuid = vg_uuid;
  made.uuid = uuid;
  return made;
}

TEST(OldRecords, AreThoseOfTheGroupWhoseVolumeIsGone) {
  const std::vector<LogicalVolume> volumes = {volume("VG", "here"), volume("VG", "other")};
  const std::vector<std::string> names = {"recv:VG.here",
                                          "recv:VG.here.log",
                                          "recv:VG.gone",
                                          "recv:VG.gone.log",
                                          "recv:VG.log-only.log",
                                          "recv:AWAY.gone",
                                          "recv:AWAY.gone.log",
                                          "recv:device:VG.gone",
                                          "VG.gone",
                                          "recv:VG2.gone",
                                          "recv:VG"};
  EXPECT_EQ((std::vector<std::string>{"recv:VG.gone", "recv:VG.log-only"}),
            records_of_removed(names, volumes));
}

TEST(OldRecords, OfAGroupWithoutVolumesAreNotKnown) {
  EXPECT_TRUE(records_of_removed({"recv:VG.gone"}, {}).empty());
}

TEST(OldRecords, AreFoundWhereThereIsAFolder) {
  const TemporaryFolder folder;
  std::ofstream(folder.path("recv:a.b")) << "x";
  EXPECT_EQ(std::vector<std::string>{"recv:a.b"}, names_in(folder.path("")));
  EXPECT_TRUE(names_in(folder.path("none")).empty());
}

}  // namespace
}  // namespace bsr
