// Reading what thin_dump and thin_delta print, real and hostile.
#include "formats/thin_xml.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <limits>
#include <memory>

#include "base/error.h"

namespace bsr {
namespace {

using Kind = ThinXmlRange::Kind;

// As thin_dump 0.9 writes it, and what thin_restore reads.
constexpr std::string_view kDump =
    R"(<superblock uuid="" time="3" transaction="7" flags="0" version="2" data_block_size="128" nr_data_blocks="1000">
  <device dev_id="1" mapped_blocks="12" transaction="0" creation_time="0" snap_time="1">
    <range_mapping origin_begin="0" data_begin="0" length="10" time="0"/>
    <single_mapping origin_block="20" data_block="30" time="1"/>
    <single_mapping origin_block="21" data_block="50" time="1"/>
  </device>
  <device dev_id="2" mapped_blocks="12" transaction="1" creation_time="1" snap_time="1">
    <range_mapping origin_begin="0" data_begin="0" length="5" time="0"/>
    <range_mapping origin_begin="5" data_begin="100" length="5" time="2"/>
    <single_mapping origin_block="21" data_block="51" time="2"/>
    <single_mapping origin_block="40" data_block="52" time="2"/>
  </device>
  <device dev_id="3" mapped_blocks="0" transaction="1" creation_time="1" snap_time="1">
  </device>
</superblock>
)";

const std::vector<ThinXmlItem> kDumpItems = {
    ThinXmlSuperblock{7, 3, 128, 1000}, ThinXmlDevice{1, 12, 0, 0, 1},
    ThinXmlMapping{0, 0, 10, 0},        ThinXmlMapping{20, 30, 1, 1},
    ThinXmlMapping{21, 50, 1, 1},       ThinXmlDevice{2, 12, 1, 1, 1},
    ThinXmlMapping{0, 0, 5, 0},         ThinXmlMapping{5, 100, 5, 2},
    ThinXmlMapping{21, 51, 1, 2},       ThinXmlMapping{40, 52, 1, 2},
    ThinXmlDevice{3, 0, 1, 1, 1},
};

// thin_delta 0.9 on devices 1 and 2 of the above.
constexpr std::string_view kDelta =
    R"(<superblock uuid="" time="3" transaction="7" data_block_size="128" nr_data_blocks="1000">
  <diff left="1" right="2">
    <same begin="0" length="5"/>
    <different begin="5" length="5"/>
    <left_only begin="20" length="1"/>
    <different begin="21" length="1"/>
    <right_only begin="40" length="1"/>
  </diff>
</superblock>
)";

const std::vector<ThinXmlItem> kDeltaItems = {
    ThinXmlSuperblock{7, 3, 128, 1000},    ThinXmlDiff{1, 2},
    ThinXmlRange{Kind::same, 0, 5},        ThinXmlRange{Kind::different, 5, 5},
    ThinXmlRange{Kind::left_only, 20, 1},  ThinXmlRange{Kind::different, 21, 1},
    ThinXmlRange{Kind::right_only, 40, 1},
};

std::vector<ThinXmlItem> parse(std::string_view xml, size_t piece = 65536) {
  ThinXmlParser parser;
  std::vector<ThinXmlItem> items;
  for (size_t at = 0; at < xml.size(); at += piece) {
    parser.feed(std::as_bytes(std::span(xml.substr(at, piece))));
    while (std::optional<ThinXmlItem> item = parser.next()) items.push_back(*item);
  }
  parser.finish();
  return items;
}

/// The id of the error that parsing ends with, or "none".
std::string outcome(std::string_view xml) try {
  parse(xml);
  return "none";
} catch (const Error& error) {
  return std::string(id(error.kind()));
}

constexpr std::string_view kSuperblock =
    R"(<superblock time="3" transaction="7" data_block_size="128" nr_data_blocks="0">)";

std::string in_superblock(std::string_view inner) {
  return std::string(kSuperblock) + std::string(inner) + "</superblock>";
}

std::string in_diff(std::string_view inner) {
  return in_superblock(R"(<diff left="1" right="2">)" + std::string(inner) + "</diff>");
}

constexpr std::string_view kDevice =
    R"(<device dev_id="5" mapped_blocks="0" transaction="0" creation_time="0" snap_time="0">)";

std::string in_device(std::string_view inner) {
  return in_superblock(std::string(kDevice) + std::string(inner) + "</device>");
}

std::string same(std::string_view begin, std::string_view length) {
  return fmt::format(R"(<same begin="{}" length="{}"/>)", begin, length);
}

TEST(ThinXml, ReadsTheDumpOfGeneration0_9) { EXPECT_EQ(kDumpItems, parse(kDump)); }

TEST(ThinXml, ReadsTheDeltaOfGeneration0_9) { EXPECT_EQ(kDeltaItems, parse(kDelta)); }

// As quick-xml's writer lays it out in xml.rs of 1.x: no flags unless set, no newline at the end.
TEST(ThinXml, ReadsTheDumpOfGeneration1) {
  constexpr std::string_view kXml =
      R"(<superblock uuid="" time="3" transaction="7" version="2" data_block_size="128" nr_data_blocks="1000">
  <device dev_id="1" mapped_blocks="12" transaction="0" creation_time="0" snap_time="1">
    <range_mapping origin_begin="0" data_begin="0" length="10" time="0"/>
    <single_mapping origin_block="20" data_block="30" time="1"/>
  </device>
</superblock>)";
  const std::vector<ThinXmlItem> items = {
      ThinXmlSuperblock{7, 3, 128, 1000}, ThinXmlDevice{1, 12, 0, 0, 1},
      ThinXmlMapping{0, 0, 10, 0}, ThinXmlMapping{20, 30, 1, 1}};
  EXPECT_EQ(items, parse(kXml));
}

TEST(ThinXml, ReadsTheDeltaOfGeneration1) {
  constexpr std::string_view kXml =
      R"(<superblock uuid="" time="3" transaction="7" flags="1" data_block_size="128" nr_data_blocks="1000">
  <diff left="1" right="2">
    <same begin="0" length="5"/>
    <different begin="5" length="5"/>
    <left_only begin="20" length="1"/>
    <different begin="21" length="1"/>
    <right_only begin="40" length="1"/>
  </diff>
</superblock>)";
  EXPECT_EQ(kDeltaItems, parse(kXml));
}

TEST(ThinXml, ReadsAVerboseDelta) {
  constexpr std::string_view kXml =
      R"(<superblock uuid="" time="3" transaction="7" data_block_size="128" nr_data_blocks="1000">
  <diff left="1" right="2">
    <same>
      <range begin="0" data_begin="0" length="5"/>
    </same>
    <different>
      <range begin="5" left_data_begin="5" right_data_begin="100" length="3"/>
      <range begin="8" left_data_begin="8" right_data_begin="200" length="2"/>
    </different>
    <left_only>
      <range begin="20" data_begin="30" length="1"/>
    </left_only>
  </diff>
</superblock>)";
  const std::vector<ThinXmlItem> items = {
      ThinXmlSuperblock{7, 3, 128, 1000},  ThinXmlDiff{1, 2},
      ThinXmlRange{Kind::same, 0, 5},      ThinXmlRange{Kind::different, 5, 3},
      ThinXmlRange{Kind::different, 8, 2}, ThinXmlRange{Kind::left_only, 20, 1}};
  EXPECT_EQ(items, parse(kXml));
}

TEST(ThinXml, DoesNotDependOnLayoutOrderQuotesOrUnknownAttributes) {
  constexpr std::string_view kXml =
      "<?xml version='1.0' encoding='UTF-8'?>\r\n<!-- a > b -->"
      "<superblock nr_data_blocks='1000' data_block_size='128'\n\ttransaction=\"7\" time='3'"
      " colour='a > b' uuid=\"&lt;\"><diff right=\"2\" left='1' >"
      "<same length=\"5\" begin=\"0\"></same><!-- <right_only/> --></diff ></superblock\n>\n<!-- "
      "-->";
  const std::vector<ThinXmlItem> items = {ThinXmlSuperblock{7, 3, 128, 1000}, ThinXmlDiff{1, 2},
                                          ThinXmlRange{Kind::same, 0, 5}};
  EXPECT_EQ(items, parse(kXml));
}

TEST(ThinXml, ReadsADiffWithoutRanges) {
  EXPECT_EQ(2U, parse(in_diff("\n")).size());
  EXPECT_EQ(2U, parse(in_superblock(R"(<diff left="1" right="1"/>)")).size());
  EXPECT_EQ(1U, parse(in_superblock("")).size());
}

TEST(ThinXml, FindsTheSameFedByteByByte) {
  EXPECT_EQ(kDumpItems, parse(kDump, 1));
  EXPECT_EQ(kDeltaItems, parse(kDelta, 1));
  EXPECT_EQ(kDumpItems, parse(kDump, 7));
}

TEST(ThinXml, IsTruncatedAtEveryPoint) {
  for (const std::string_view xml : {kDump, kDelta})
    for (size_t size = 0; size < xml.size() - 1; ++size)
      ASSERT_EQ("truncated", outcome(xml.substr(0, size))) << size;
  EXPECT_EQ("none", outcome(kDump.substr(0, kDump.size() - 1)));  // only the last newline is gone
}

TEST(ThinXml, RefusesElementsItDoesNotKnow) {
  // thin_dump 1.x writes mappings that devices share like this.
  EXPECT_EQ("unsupported", outcome(in_superblock(R"(<def name="12"></def>)")));
  EXPECT_EQ("unsupported", outcome(in_device(R"(<ref name="12"/>)")));
  EXPECT_EQ("unsupported", outcome(in_diff(R"(<changed begin="1" length="1"/>)")));
  EXPECT_EQ("unsupported", outcome("<html>"));
  EXPECT_EQ("unsupported", outcome("<!DOCTYPE superblock>" + in_superblock("")));
  EXPECT_EQ("unsupported", outcome(in_superblock("<![CDATA[ ]]>")));
  try {
    parse(in_superblock("<d\x1b\xff" + std::string(100, 'x') + "/>"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(ErrorKind::corrupt, error.kind());  // a control character
  }
  try {
    parse(in_superblock("<d\xff" + std::string(100, 'x') + "/>"));
    FAIL();
  } catch (const Error& error) {
    EXPECT_NE(nullptr, std::strstr(error.what(), "<d?xxx")) << error.what();
    EXPECT_LT(std::strlen(error.what()), 100U);
  }
}

TEST(ThinXml, RefusesElementsOutOfPlace) {
  for (const std::string& xml : {
           in_superblock(same("0", "1")),
           in_superblock(R"(<single_mapping origin_block="1" data_block="1" time="0"/>)"),
           in_superblock(std::string(kSuperblock) + "</superblock>"),
           in_diff(R"(<range begin="1" length="1"/>)"),
           in_diff(R"(<same begin="1" length="1"><range begin="2" length="1"/></same>)"),
           in_diff(R"(<same><same begin="1" length="1"/></same>)"),
           in_diff(
               R"(<same><range begin="1" length="1"><range begin="2" length="1"/></range></same>)"),
           in_diff("<same/>"),
           in_diff("</same>"),
           in_diff(R"(<same begin="1" length="1"></different>)"),
           in_diff("</diff>"),
           in_superblock(R"(<diff left="1" right="2"/><diff left="1" right="3"/>)"),
           in_device(kDevice),
           in_superblock("") + in_superblock(""),
           in_superblock("") + "x",
           std::string(kDevice) + "</device>",
           std::string("</superblock>"),
       })
    EXPECT_EQ("corrupt", outcome(xml)) << xml;
}

TEST(ThinXml, RefusesWhatIsNotXml) {
  EXPECT_EQ("corrupt", outcome("begin superblock: \"\", 3, 7, 0, 2, 128, 1000\n"));
  EXPECT_EQ("corrupt", outcome("Unable to find mapping tree for snap1 (9)\n"));
  EXPECT_EQ("corrupt", outcome(std::string(1000, '\0')));
  EXPECT_EQ("corrupt", outcome("\xef\xbb\xbf" + in_superblock("")));
  for (const std::string_view tag :
       {"<>", "< same/>", "<same begin=1 length=1/>", "<same begin='1'length='1'/>",
        "<same begin='1' length='1'/ >", "<same begin='1' length/>", "<same <same/>",
        "<same begin='1\x01' length='1'/>", "<same begin='1' length='1'//>", "text", "&amp;"})
    EXPECT_EQ("corrupt", outcome(in_diff(tag))) << tag;
}

TEST(ThinXml, RefusesAnElementLongerThan64KiB) {
  const auto padded = [](size_t size) {
    const std::string tag = R"(<same begin="1" length="1")";
    return in_diff(tag + std::string(size - tag.size() - 2, ' ') + "/>");
  };
  EXPECT_EQ("none", outcome(padded(65536)));
  EXPECT_EQ("corrupt", outcome(padded(65537)));
  EXPECT_EQ("corrupt", outcome("<!--" + std::string(70000, '>')));
}

TEST(ThinXml, RefusesNumbersThatAreNone) {
  for (const std::string_view number :
       {"", "-1", "+1", " 1", "1 ", "0x10", "1.0", "1e3", "1,000", "&#49;", "1&#0;",
        "18446744073709551616", "99999999999999999999999", "\xd9\xa1"})
    EXPECT_EQ("corrupt", outcome(in_diff(same(number, "1")))) << number;
  EXPECT_EQ("corrupt", outcome(in_diff(R"(<same begin="1"/>)")));
  EXPECT_EQ("corrupt", outcome(in_diff(R"(<same begin="1" length="1" begin="1"/>)")));
  EXPECT_EQ("corrupt", outcome(in_superblock(R"(<diff left_root="1" right="2"/>)")));
}

TEST(ThinXml, RefusesRangesThatDoNotAscend) {
  EXPECT_EQ("none", outcome(in_diff(same("0", "5") + same("5", "1"))));
  EXPECT_EQ("corrupt", outcome(in_diff(same("0", "5") + same("4", "1"))));
  EXPECT_EQ("corrupt", outcome(in_diff(same("7", "1") + same("3", "1"))));
  EXPECT_EQ("corrupt", outcome(in_diff(same("7", "0"))));

  const auto mapping = [](int origin) {
    return fmt::format(R"(<single_mapping origin_block="{}" data_block="9" time="0"/>)", origin);
  };
  EXPECT_EQ("none", outcome(in_device(mapping(1) + mapping(2))));
  EXPECT_EQ("corrupt", outcome(in_device(mapping(1) + mapping(1))));
  EXPECT_EQ("corrupt", outcome(in_device(mapping(2) + mapping(1))));
  EXPECT_EQ("corrupt", outcome(in_superblock(fmt::format("{0}</device>{0}</device>", kDevice))));
}

TEST(ThinXml, RefusesRangesThatDoNotFit64BitsOfBytes) {
  constexpr uint64_t kBlocks = std::numeric_limits<uint64_t>::max() / 65536;
  EXPECT_EQ("none", outcome(in_diff(same(fmt::format("{}", kBlocks - 1), "1"))));
  EXPECT_EQ("corrupt", outcome(in_diff(same(fmt::format("{}", kBlocks), "1"))));
  EXPECT_EQ("corrupt", outcome(in_diff(same("18446744073709551615", "1"))));
  EXPECT_EQ("corrupt", outcome(in_diff(same("1", "18446744073709551615"))));
  EXPECT_EQ("corrupt",
            outcome(in_device(fmt::format(
                R"(<single_mapping origin_block="1" data_block="{}" time="0"/>)", kBlocks))));
}

TEST(ThinXml, RefusesBlockSizesThatThePoolCannotHave) {
  for (const auto& [sectors, expected] :
       std::vector<std::pair<std::string, std::string>>{{"0", "corrupt"},
                                                        {"64", "corrupt"},
                                                        {"128", "none"},
                                                        {"129", "corrupt"},
                                                        {"384", "none"},
                                                        {"2097152", "none"},
                                                        {"2097280", "corrupt"}})
    EXPECT_EQ(expected,
              outcome(fmt::format(R"(<superblock time="0" transaction="0" data_block_size="{}")"
                                  R"( nr_data_blocks="0"/>)",
                                  sectors)));
}

/// A pool image made by thin_restore from kDump, in a folder that goes with it.
class ThinXmlTools : public testing::Test {
 protected:
  void SetUp() override {
    if (system((kToolPath +
                "(thin_restore --help && thin_dump --help && thin_delta --help) >/dev/null")
                   .c_str()) != 0)
      GTEST_SKIP() << "thin-provisioning-tools are not installed";
    char folder[] = "/tmp/bsr-thin-xml-XXXXXX";
    ASSERT_NE(nullptr, mkdtemp(folder));
    folder_ = folder;
    std::ofstream(folder_ + "/in.xml") << kDump;
    print_of("truncate -s 4M meta && thin_restore -i in.xml -o meta");
  }

  void TearDown() override {
    if (!folder_.empty()) std::filesystem::remove_all(folder_);
  }

  std::string print_of(const std::string& command) {
    const std::unique_ptr<FILE, int (*)(FILE*)> pipe(
        popen((kToolPath + "cd " + folder_ + " && " + command).c_str(), "r"), pclose);
    std::string text;
    std::array<char, 4096> buffer;
    while (const size_t size = fread(buffer.data(), 1, buffer.size(), pipe.get()))
      text.append(buffer.data(), size);
    return text;
  }

  const std::string kToolPath = "PATH=$PATH:/usr/sbin; ";
  std::string folder_;
};

TEST_F(ThinXmlTools, TheInstalledThinDumpIsUnderstood) {
  std::vector<ThinXmlItem> items;
  for (const int device : {1, 2, 3}) {
    const std::vector<ThinXmlItem> one =
        parse(print_of(fmt::format("thin_dump --dev-id {} meta", device)));
    items.insert(items.end(), one.begin() + (device > 1 ? 1 : 0), one.end());
  }
  EXPECT_EQ(kDumpItems, items);
}

TEST_F(ThinXmlTools, TheInstalledThinDeltaIsUnderstood) {
  EXPECT_EQ(kDeltaItems, parse(print_of("thin_delta --thin1 1 --thin2 2 meta")));
  EXPECT_EQ(kDeltaItems, parse(print_of("thin_delta --verbose --thin1 1 --thin2 2 meta")));
  const std::vector<ThinXmlItem> nothing = {ThinXmlSuperblock{7, 3, 128, 1000}, ThinXmlDiff{3, 3}};
  EXPECT_EQ(nothing, parse(print_of("thin_delta --thin1 3 --thin2 3 meta")));
}

}  // namespace
}  // namespace bsr
