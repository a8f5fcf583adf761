// What a dump says about a patch.
#include "formats/frame_text.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/formats/stream_builder.h"

namespace bsr {
namespace {

Frame frame_of(PatchFrame patch) { return {std::move(patch), 3, 552, 100, false}; }

TEST(FrameText, ShowsWhereAPatchRefersTo) {
  const std::vector<Extent> references = {{4096, 4096}, {65536, 8192}};
  const Frame frame = frame_of(patch_frame({{12288, 1024}}, references));
  EXPECT_EQ(
      "     3          552 PATCH      bytes=1024 12288+1024 references=4096+4096,65536+8192 "
      "wire=100",
      frame_text(frame));
  const auto json = nlohmann::json::parse(frame_json(frame));
  EXPECT_EQ(nlohmann::json::parse("[[4096,4096],[65536,8192]]"), json.at("references"));
  EXPECT_EQ(nlohmann::json::parse("[[12288,1024]]"), json.at("extents"));
}

TEST(FrameText, SaysNothingOfReferencesWhereThereAreNone) {
  const Frame frame = frame_of(patch_frame({{12288, 1024}}));
  EXPECT_EQ(std::string::npos, frame_text(frame).find("references"));
  EXPECT_TRUE(nlohmann::json::parse(frame_json(frame)).at("references").empty());
}

TEST(FrameText, OnlyCountsManyReferences) {
  std::vector<Extent> references;
  for (uint64_t i = 0; i < 40; ++i) references.push_back({i * 8192, 4096});
  const std::string text = frame_text(frame_of(patch_frame({{1 << 20, 1024}}, references)));
  EXPECT_NE(std::string::npos, text.find("... (40 ")) << text;
  EXPECT_LT(text.size(), 200U);
}

}  // namespace
}  // namespace bsr
