// Reading what lvs prints, and refusing what it cannot have meant.
#include "platform/lvm_report.h"

#include <gtest/gtest.h>

#include <utility>

#include "tests/fakes/thrown_error.h"
#include "tests/unit/platform/lvm_report_fixture.h"

namespace bsr {
namespace {

/// The report with one text in it replaced, to see what is refused.
std::string report_with(std::string_view text, std::string_view other) {
  std::string report(kReport);
  const size_t at = report.find(text);
  EXPECT_NE(std::string::npos, at) << text;
  return report.replace(at, text.size(), other);
}

LogicalVolume volume(std::string_view lv) {
  for (const LogicalVolume& candidate : parse_volumes(kReport))
    if (candidate.name.lv == lv) return candidate;
  ADD_FAILURE() << "the report has no " << lv;
  return {};
}

TEST(LvmReport, HasEachVolumeOnce) {
  std::vector<std::string> names;
  for (const LogicalVolume& candidate : parse_volumes(kReport)) names.push_back(candidate.name.lv);
  EXPECT_EQ((std::vector<std::string>{"lin-a_b+c.d", "lvol0_pmspare", "new", "newro", "pool",
                                      "pool_tdata", "pool_tmeta", "snap", "vol", "work"}),
            names);
}

TEST(LvmReport, TellsAllOfASnapshot) {
  const LogicalVolume snap = volume("snap");
  EXPECT_EQ("vg0/snap", to_string(snap.name));
  EXPECT_EQ(volume("vol").uuid, snap.origin_uuid);
  EXPECT_EQ("vol", snap.origin);
  EXPECT_EQ("pool", snap.pool);
  EXPECT_EQ(volume("pool").uuid, snap.pool_uuid);
  EXPECT_EQ(volume("pool").vg_uuid, snap.vg_uuid);
  EXPECT_EQ(104857600U, snap.size);
  EXPECT_EQ(4194304U, snap.extent_size);
  EXPECT_EQ(2U, snap.thin_id);
  EXPECT_TRUE(snap.is_thin);
  EXPECT_FALSE(snap.is_thin_pool);
  EXPECT_FALSE(snap.active);
  EXPECT_FALSE(snap.writable);
  EXPECT_FALSE(snap.open);
  EXPECT_TRUE(snap.activation_skip);
  EXPECT_EQ(65536U, snap.chunk_size);
  EXPECT_EQ((std::vector<std::string>{"bsr.uuid=a-b", "x/y:z"}), snap.tags);
  EXPECT_GT(snap.time, 1700000000);
  EXPECT_EQ("/dev/vg0/snap", snap.path);
}

TEST(LvmReport, TellsAMountedVolumeFromAnInactiveOne) {
  const LogicalVolume vol = volume("vol");
  EXPECT_TRUE(vol.active && vol.open && vol.writable && !vol.activation_skip);
  const LogicalVolume work = volume("work");
  EXPECT_TRUE(!work.active && !work.open && work.writable && !work.activation_skip);
}

TEST(LvmReport, LeavesThinFieldsOutOfOtherVolumes) {
  const LogicalVolume linear = volume("lin-a_b+c.d");
  EXPECT_FALSE(linear.is_thin || linear.is_thin_pool || linear.thin_id);
  EXPECT_EQ(62914560U, linear.size);
  EXPECT_EQ(0U, linear.chunk_size);
  EXPECT_TRUE(linear.tags.empty());
}

TEST(LvmReport, TellsAThinPool) {
  const ThinPool pool = parse_thin_pool(kReport, {"vg0", "pool"});
  EXPECT_EQ(314572800U, pool.size);
  EXPECT_EQ(65536U, pool.chunk_size);
  EXPECT_EQ(Discards::passdown, pool.discards);
  EXPECT_TRUE(pool.zeroes_new_chunks);
  EXPECT_TRUE(pool.active);
  EXPECT_EQ(volume("pool").uuid, pool.uuid);
}

TEST(LvmReport, BelievesTheKernelAboutDiscardsBeforeLvm) {
  const std::string report =
      report_with(R"("kernel_discards":"passdown")", R"("kernel_discards":"ignore")");
  EXPECT_EQ(Discards::ignore, parse_thin_pool(report, {"vg0", "pool"}).discards);
}

TEST(LvmReport, ForgetsAnOriginThatLvmOnlyRemembers) {
  for (const LogicalVolume& candidate :
       parse_volumes(report_with(R"("origin":"vol")", R"("origin":"-vol")")))
    EXPECT_EQ("", candidate.name.lv == "snap" ? candidate.origin + candidate.origin_uuid : "");
}

TEST(LvmReport, SaysWhatIsNoThinPool) {
  EXPECT_EQ("vg0/vol is not a thin pool", text_thrown_by(ErrorKind::failed, [] {
              (void)parse_thin_pool(kReport, {"vg0", "vol"});
            }));
}

TEST(LvmReport, RefusesWhatIsNoReport) {
  for (const char* text :
       {"", "x", "[]", "{}", R"({"report":1})", R"({"report":[1]})", R"({"report":[{"lv":[1]}]})",
        R"({"report":[{"lv":[{}]}]})", R"({"report":[{"lv":[{"vg_name":1}]}]})"})
    EXPECT_NE("nothing thrown",
              text_thrown_by(ErrorKind::failed, [&] { (void)parse_volumes(text); }))
        << text;
}

TEST(LvmReport, RefusesValuesThatCannotBe) {
  const std::pair<std::string_view, std::string_view> changes[] = {
      {R"("lv_name":"snap")", R"("lv_name":"-y")"},
      {R"("vg_name":"vg0")", R"("vg_name":"a b")"},
      {R"("lv_uuid":")", R"("lv_uuid":"x)"},
      {R"("lv_size":"62914560")", R"("lv_size":"-1")"},
      {R"("lv_size":"62914560")", R"("lv_size":"6.2e7")"},
      {R"("lv_size":"62914560")", R"("lv_size":"99999999999999999999")"},
      {R"("vg_extent_size":"4194304")", R"("vg_extent_size":"0")"},
      {R"("thin_id":"2")", R"("thin_id":"16777216")"},
      {R"("chunk_size":"65536")", R"("chunk_size":"0")"},
      {R"("lv_tags":"q=1")", R"("lv_tags":"q 1")"},
      {R"("lv_path":"/dev/vg0/snap")", R"("lv_path":"/dev/vg0/other")"},
      {R"("pool_lv_uuid":"CifSc4)", R"("pool_lv_uuid":"CifSc_)"},
  };
  for (const auto& [text, other] : changes)
    EXPECT_NE(
        "nothing thrown",
        text_thrown_by(ErrorKind::failed, [&] { (void)parse_volumes(report_with(text, other)); }))
        << other;
}

TEST(LvmReport, HasTheTransactionOfAPool) {
  EXPECT_EQ(5U, parse_thin_pool(kReport, {"vg0", "pool"}).transaction_id);
}

TEST(Threshold, IsAPercentage) {
  EXPECT_EQ(70U, parse_threshold("thin_pool_autoextend_threshold=70\n"));
  EXPECT_EQ(100U, parse_threshold("thin_pool_autoextend_threshold=1000\n"));
  for (const char* text :
       {"", "\n", "thin_pool_autoextend_threshold=", "threshold=7\n",
        "thin_pool_autoextend_threshold=7x\n", "thin_pool_autoextend_threshold=-1\n"})
    EXPECT_TRUE(error_thrown_by([&] { static_cast<void>(parse_threshold(text)); })) << text;
}

TEST(Devices, AreReadAndMissingOnesPassedOver) {
  const auto devices = parse_devices(
      R"({"report":[{"pv":[{"pv_name":"/dev/vda"},{"pv_name":"[unknown]"},{"pv_name":"/dev/vdb"}]}]})");
  EXPECT_EQ((std::vector<std::string>{"/dev/vda", "/dev/vdb"}), devices);
  EXPECT_TRUE(parse_devices(R"({"report":[{"pv":[]}]})").empty());
  for (const char* text :
       {"", "{}", R"({"report":[{"lv":[]}]})", R"({"report":[{"pv":[{"pv":1}]}]})"})
    EXPECT_TRUE(error_thrown_by([&] { static_cast<void>(parse_devices(text)); })) << text;
}

/// What vgcfgbackup 2.03.16 wrote, without most of the lines.
std::string backup(const std::string& messages) {
  return "# Generated by LVM2\n"
         "contents = \"Text Format Volume Group\"\n"
         "description = \"a { b\"\n\n"
         "dst {\n"
         "\tid = \"x\"\n"
         "\tphysical_volumes {\n\n\t\tpv0 {\n\t\t\tsize = 1\t# 4 {\n\t\t}\n\t}\n\n"
         "\tlogical_volumes {\n\n"
         "\t\tother {\n\t\t\tsegment1 {\n\t\t\t\tstripes = [\n\t\t\t\t\t\"pv0\", 0\n\t\t\t\t]\n"
         "\t\t\t}\n\t\t}\n"
         "\t\tpool {\n\t\t\tsegment1 {\n\t\t\t\ttransaction_id = 3\n" +
         messages +
         "\t\t\t}\n\t\t}\n"
         "\t}\n\n}\n";
}

TEST(LvmBackup, SaysWhetherAPoolHasYetToBeToldSomething) {
  const std::string queued = backup("\t\t\t\tmessage1 {\n\t\t\t\t\tdelete = 3\n\t\t\t\t}\n");
  EXPECT_TRUE(has_queued_messages(queued, "pool"));
  EXPECT_FALSE(has_queued_messages(queued, "other"));
  EXPECT_FALSE(has_queued_messages(backup(""), "pool"));
}

TEST(LvmBackup, IsWholeOrNone) {
  const std::string whole = backup("");
  for (const std::string& text :
       {std::string(), whole.substr(0, whole.size() - 3), std::string("}\n")})
    EXPECT_EQ(ErrorKind::failed,
              kind_thrown_by([&] { static_cast<void>(has_queued_messages(text, "pool")); }));
}

}  // namespace
}  // namespace bsr
