// Names of volumes, and how LVM's programs are called.
#include "platform/lvm.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <functional>

#include "platform/lvm_report.h"
#include "tests/unit/platform/lvm_report_fixture.h"

namespace bsr {
namespace {

/// LVM whose programs only leave their command lines behind, and answer with the report above.
struct RecordedLvm {
  std::vector<std::string> calls;
  std::string help;
  Outcome answer{std::string(kReport), ""};  // of lvs
  Lvm lvm{[this](std::vector<std::string> argv, OnStop on_stop) -> Outcome {
    if (argv.at(0) == "lvs") {
      EXPECT_EQ(OnStop::give_up, on_stop);
      return answer;
    }
    if (argv.at(1) == "--help") return {help, ""};
    EXPECT_EQ(OnStop::carry_on, on_stop);
    EXPECT_EQ("--config", argv.at(1));
    EXPECT_EQ(change_config(), argv.at(2));
    argv.erase(argv.begin() + 1, argv.begin() + 3);
    calls.push_back(fmt::format("{}", fmt::join(argv, " ")));
    return {};
  }};
};

TEST(VolumeName, IsReadFromEveryUsualForm) {
  const VolumeName expected{"vg-0", "my-lv"};
  EXPECT_EQ(expected, parse_volume_name("vg-0/my-lv"));
  EXPECT_EQ(expected, parse_volume_name("/dev/vg-0/my-lv"));
  EXPECT_EQ(expected, parse_volume_name("/dev/mapper/vg--0-my--lv"));
}

TEST(VolumeName, UnderstandsHyphensAtTheSeamOfAMapperName) {
  EXPECT_EQ((VolumeName{"a-", "b"}), parse_volume_name("/dev/mapper/a---b"));
}

TEST(VolumeName, RefusesWhatLvmDoes) {
  for (const char* text : {"",
                           "/",
                           "vg",
                           "vg/",
                           "/lv",
                           "vg/lv/x",
                           "-vg/lv",
                           "vg/-lv",
                           "vg/.",
                           "../lv",
                           "vg/..",
                           "vg/l v",
                           "vg/l*v",
                           "vg/@tag",
                           "vg/lv\n",
                           "/dev/sda",
                           "/dev/disk/by-id/x",
                           "/dev/mapper/vg",
                           "/dev/mapper/vg-lv-tpool",
                           "/dev/mapper/-lv",
                           "/dev/mapper/vg-",
                           "/dev//lv",
                           "/tmp/vg/lv"})
    EXPECT_FALSE(parse_volume_name(text)) << text;
}

TEST(VolumeName, MayHave127Letters) {
  EXPECT_TRUE(parse_volume_name("vg/" + std::string(127, 'x')));
  EXPECT_FALSE(parse_volume_name("vg/" + std::string(128, 'x')));
}

TEST(Tag, HasLvmsLetters) {
  EXPECT_TRUE(is_valid_tag("bsr.uuid=a_b+c/d!e:f&g#h-1"));
  EXPECT_TRUE(is_valid_tag(std::string(1024, 'x')));
  for (const std::string& tag : {std::string(), std::string("-x"), std::string("a,b"),
                                 std::string("@a"), std::string("a b"), std::string(1025, 'x')})
    EXPECT_FALSE(is_valid_tag(tag)) << tag;
}

TEST(Lvm, FindsOnlyWhatIsThere) {
  const RecordedLvm recorded;
  EXPECT_EQ("work", recorded.lvm.find({"vg0", "work"})->name.lv);
  EXPECT_FALSE(recorded.lvm.find({"vg0", "none"}));
  EXPECT_FALSE(recorded.lvm.find({"vg1", "work"}));
}

TEST(Lvm, FindsAVolumeByUuidThoughAnotherGroupIsDamaged) {
  RecordedLvm recorded;
  recorded.answer.failure = "lvs failed (exit status 5): Volume group \"other\" is damaged";
  EXPECT_EQ("work", recorded.lvm.find_uuid("EOl51v-CUPM-QVI4-JXm0-citB-ANPA-3fErm4").at(0).name.lv);
  const auto says = [&](const std::function<void()>& action) {
    return text_thrown_by(ErrorKind::failed, action).find("is damaged") != std::string::npos;
  };
  EXPECT_TRUE(says([&] { (void)recorded.lvm.find_uuid("unknown"); }));
  EXPECT_TRUE(says([&] { (void)recorded.lvm.uuids(); }));
  EXPECT_TRUE(says([&] { (void)recorded.lvm.list("vg0"); }));
  recorded.answer.output = "";
  EXPECT_TRUE(says([&] { (void)recorded.lvm.find_uuid("unknown"); }));
}

TEST(Lvm, MakesASnapshotInOneCall) {
  RecordedLvm recorded;
  recorded.lvm.snapshot({"vg0", "vol"}, "vol.bsr-1", {true, true, {"bsr.uuid=x", "bsr.number=1"}});
  recorded.lvm.snapshot({"vg0", "vol"}, "vol.bsr-recv", {});
  EXPECT_EQ(
      (std::vector<std::string>{
          "lvcreate --snapshot --name vol.bsr-1 --activate n --setactivationskip y --permission r "
          "--addtag bsr.uuid=x --addtag bsr.number=1 vg0/vol",
          "lvcreate --snapshot --name vol.bsr-recv --activate n --setactivationskip n vg0/vol"}),
      recorded.calls);
}

TEST(Lvm, MakesAThinVolumeOfWholeSectors) {
  RecordedLvm recorded;
  recorded.lvm.create_thin({"vg0", "pool"}, "x", 1000, {false, false, {"t"}});
  EXPECT_EQ(
      (std::vector<std::string>{"lvcreate --type thin --name x --virtualsize 1024b --thinpool pool "
                                "--activate n --setactivationskip n --addtag t vg0"}),
      recorded.calls);
}

TEST(Lvm, ChangesVolumesWithoutAnsweringQuestions) {
  RecordedLvm recorded;
  recorded.lvm.activate({"vg0", "vol"});
  recorded.lvm.deactivate({"vg0", "vol"});
  recorded.lvm.add_tag({"vg0", "vol"}, "a=b");
  recorded.lvm.remove_tag({"vg0", "vol"}, "a=b");
  recorded.lvm.remove({"vg0", "vol"});
  EXPECT_EQ(
      (std::vector<std::string>{"lvchange --activate y --ignoreactivationskip vg0/vol",
                                "lvchange --activate n vg0/vol", "lvchange --addtag a=b vg0/vol",
                                "lvchange --deltag a=b vg0/vol", "lvremove vg0/vol"}),
      recorded.calls);
}

TEST(Lvm, ResizesOnlyToAnotherNumberOfExtents) {
  RecordedLvm recorded;
  recorded.lvm.resize({"vg0", "vol"}, 104857600);
  recorded.lvm.resize({"vg0", "vol"}, 104857600 - 4194304 + 1);
  EXPECT_TRUE(recorded.calls.empty());
  recorded.lvm.resize({"vg0", "vol"}, 104857600 + 1);
  EXPECT_EQ((std::vector<std::string>{"lvresize --size 104858112b vg0/vol"}), recorded.calls);
}

TEST(Lvm, ShrinksWithoutLookingForAFileSystem) {
  RecordedLvm recorded;
  recorded.lvm.resize({"vg0", "vol"}, 4194304);
  recorded.help = "\t[    --fs String ]\n";
  recorded.lvm.resize({"vg0", "vol"}, 4194304);
  EXPECT_EQ((std::vector<std::string>{"lvresize --size 4194304b --force vg0/vol",
                                      "lvresize --size 4194304b --force --fs ignore vg0/vol"}),
            recorded.calls);
}

TEST(Lvm, RefusesArgumentsThatCouldBeSomethingElse) {
  RecordedLvm recorded;
  const Lvm& lvm = recorded.lvm;
  const std::vector<std::function<void()>> actions{
      [&] {
        lvm.remove({"vg0", "*"});
      },
      [&] {
        lvm.remove({"--all", "x"});
      },
      [&] {
        lvm.activate({"vg0", ""});
      },
      [&] {
        lvm.deactivate({"", "x"});
      },
      [&] {
        lvm.add_tag({"vg0", "x"}, "--help");
      },
      [&] {
        lvm.remove_tag({"vg0", "x"}, "");
      },
      [&] {
        lvm.snapshot({"vg0", "vol"}, "-y", {});
      },
      [&] {
        lvm.snapshot({"vg0", "vol"}, "x", {false, false, {"a b"}});
      },
      [&] {
        lvm.create_thin({"vg0", "-p"}, "x", 512, {});
      },
      [&] {
        lvm.create_thin({"vg0", "pool"}, "x", 0, {});
      },
      [&] {
        lvm.resize({"vg0", "vol"}, UINT64_MAX);
      },
      [&] {
        (void)lvm.find({"vg0", "x\" || lv_name!=\""});
      },
      [&] { (void)lvm.list("-a"); },
      [&] {
        (void)lvm.thin_pool({"vg0", "a b"});
      },
  };
  for (const auto& action : actions)
    EXPECT_NE("nothing thrown", text_thrown_by(ErrorKind::usage, action));
  EXPECT_TRUE(recorded.calls.empty());
}

}  // namespace
}  // namespace bsr
