// Whose a volume is that is active, and who puts it back.
#include "platform/activation.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <set>

#include "platform/pool_files.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/unit/platform/lvm_report_fixture.h"

namespace bsr {
namespace {

constexpr const char* kUuid = "kwOEy3-eQGu-Q8TK-ggcZ-wvzL-XFsB-4XkA3O";  // of vg0/snap

/// A host with the volumes of the report. `snap` is inactive there.
struct FakeHost {
  TemporaryFolder files;
  std::set<std::string> devices;  // that are there
  bool volume_list = false;       // leaves everything out
  bool in_use = false;            // by somebody who makes deactivation fail
  std::string report{kReport};
  std::vector<std::string> calls;  // what lvchange was told
  Lvm lvm{[this](const std::vector<std::string>& argv, OnStop) -> Outcome {
    if (argv.at(0) == "lvs") return {report, ""};
    calls.push_back(argv.at(4));
    const bool on = argv.at(4) == "y";
    if (!on && in_use) return {"", "lvchange failed (exit status 5): in use"};
    if (on && !volume_list) devices.insert("vg0-snap");
    if (!on) devices.erase("vg0-snap");
    return {};
  }};
  ActivationPlace place{files.path() + "/run",
                        [this](const std::string& device) { return devices.contains(device); }};
  LogicalVolume snap = volume("snap");

  LogicalVolume volume(const std::string& name) { return *lvm.find({"vg0", name}); }
  [[nodiscard]] std::string note() const { return place.folder + "/active-" + kUuid; }
  [[nodiscard]] bool noted() const { return std::filesystem::exists(note()); }

  /// What a session leaves that is killed while it has the volume.
  void leave_note(const std::string& boot = ProcessIdentity::ours().boot_id) {
    static_cast<void>(open_private_folder(place.folder));
    std::ofstream(note()) << boot;
    devices.insert("vg0-snap");
  }
};

using Calls = std::vector<std::string>;

TEST(Activation, IsNotedBeforeAndUndoneInTheEnd) {
  FakeHost host;
  {
    Activation active(host.lvm, host.snap, host.place);
    EXPECT_TRUE(host.noted());
    EXPECT_EQ(Calls{"y"}, host.calls);
    active.release();
    EXPECT_FALSE(host.noted());
  }
  EXPECT_EQ((Calls{"y", "n"}), host.calls);
}

TEST(Activation, OfSomebodyElseStays) {
  FakeHost host;
  host.devices.insert("vg0-snap");
  { const Activation active(host.lvm, host.snap, host.place); }
  EXPECT_TRUE(host.calls.empty());
  EXPECT_FALSE(host.noted());
}

/// What lvs said may be outdated: another session may have put the volume back since.
TEST(Activation, DoesNotBelieveAnOlderReport) {
  FakeHost host;
  host.snap.active = true;
  const Activation active(host.lvm, host.snap, host.place);
  EXPECT_EQ(Calls{"y"}, host.calls);
}

TEST(Activation, IsUndoneByTheLastWhoNeedsIt) {
  FakeHost host;
  Activation first(host.lvm, host.snap, host.place);
  Activation second(host.lvm, host.snap, host.place);
  first.release();
  EXPECT_EQ(Calls{"y"}, host.calls);
  EXPECT_TRUE(host.noted());
  second.release();
  EXPECT_EQ((Calls{"y", "n"}), host.calls);
  EXPECT_FALSE(host.noted());
}

TEST(Activation, FailsWhereLvmMakesNoDevice) {
  FakeHost host;
  host.volume_list = true;
  const std::string text = text_thrown_by(
      ErrorKind::failed, [&] { const Activation active(host.lvm, host.snap, host.place); });
  EXPECT_NE(std::string::npos, text.find("vg0/snap: LVM did not activate it")) << text;
  EXPECT_NE(std::string::npos, text.find("`lvmconfig activation/volume_list`")) << text;
  EXPECT_FALSE(host.noted());
}

TEST(Activation, ThatCannotBeUndoneIsLeftToTheNextSession) {
  FakeHost host;
  Activation first(host.lvm, host.snap, host.place);
  host.in_use = true;
  EXPECT_NE("nothing thrown", text_thrown_by(ErrorKind::failed, [&] { first.release(); }));
  EXPECT_TRUE(host.noted());
  {
    Activation second(host.lvm, host.snap, host.place);
    second.release_unless_in_use();  // says so and does not throw
  }
  EXPECT_TRUE(host.noted());
  host.in_use = false;
  EXPECT_EQ(Calls{"vg0/snap"}, put_back_abandoned(host.lvm, host.place));
  EXPECT_TRUE(host.devices.empty());
  EXPECT_FALSE(host.noted());
}

TEST(AbandonedActivation, IsPutBackOnce) {
  FakeHost host;
  host.leave_note();
  EXPECT_EQ(Calls{"vg0/snap"}, put_back_abandoned(host.lvm, host.place));
  EXPECT_EQ(Calls{"n"}, host.calls);
  EXPECT_TRUE(put_back_abandoned(host.lvm, host.place).empty());
  EXPECT_EQ(Calls{"n"}, host.calls);
}

TEST(AbandonedActivation, IsTakenOverByWhoNeedsIt) {
  FakeHost host;
  host.leave_note();
  { const Activation active(host.lvm, host.snap, host.place); }
  EXPECT_EQ(Calls{"n"}, host.calls);
  EXPECT_FALSE(host.noted());
}

TEST(AbandonedActivation, IsNotThatOfALivingSession) {
  FakeHost host;
  const Activation active(host.lvm, host.snap, host.place);
  EXPECT_TRUE(put_back_abandoned(host.lvm, host.place).empty());
  EXPECT_EQ(Calls{"y"}, host.calls);
  EXPECT_TRUE(host.noted());
}

TEST(AbandonedActivation, WaitsWhileSomebodyHasItOpen) {
  FakeHost host;
  host.leave_note();
  const std::string whole = host.report;
  const size_t at = whole.find(R"("lv_device_open":"-1")", whole.find(kUuid));
  ASSERT_NE(std::string::npos, at);
  host.report.replace(at, 21, R"("lv_device_open":"1")");
  EXPECT_TRUE(put_back_abandoned(host.lvm, host.place).empty());
  EXPECT_TRUE(host.calls.empty());
  EXPECT_TRUE(host.noted());
  host.report = whole;
  EXPECT_EQ(Calls{"vg0/snap"}, put_back_abandoned(host.lvm, host.place));
}

TEST(AbandonedActivation, OfAnotherBootIsNone) {
  FakeHost host;
  host.leave_note("another boot");
  EXPECT_TRUE(put_back_abandoned(host.lvm, host.place).empty());
  EXPECT_TRUE(host.calls.empty());
  EXPECT_FALSE(host.noted());
  host.leave_note("another boot");
  { const Activation active(host.lvm, host.snap, host.place); }
  EXPECT_TRUE(host.calls.empty());
}

TEST(AbandonedActivation, OfAVolumeThatIsGoneIsForgotten) {
  FakeHost host;
  host.leave_note();
  std::filesystem::rename(host.note(), host.place.folder + "/active-gone");
  EXPECT_TRUE(put_back_abandoned(host.lvm, host.place).empty());
  EXPECT_FALSE(std::filesystem::exists(host.place.folder + "/active-gone"));
}

}  // namespace
}  // namespace bsr
