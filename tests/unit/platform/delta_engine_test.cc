// Both engines: what they yield at the ends of volumes, and that they agree, on made and on
// restored metadata.
#include "platform/delta_engine.h"

#include <gtest/gtest.h>

#include <filesystem>

#include "platform/process.h"
#include "tests/fakes/random_mappings.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

constexpr uint64_t kChunk = 64 << 10;
constexpr uint64_t kDataBlocks = 100000;
constexpr uint64_t kBase = 1;
constexpr uint64_t kTarget = 2;

using Kinds =
    std::map<uint64_t, DeltaKind>;  // by unit of 4 KiB, which all sizes here are multiples of
constexpr uint64_t kUnit = 4096;

/// What open_delta() must yield, the slow way.
Kinds naive_delta(const MappingValues* base, const MappingValues& target, uint64_t base_size,
                  uint64_t target_size) {
  Kinds kinds;
  const auto put = [&](uint64_t block, uint64_t begin, DeltaKind kind) {
    for (uint64_t at = block * kChunk; at < (block + 1) * kChunk; at += kUnit)
      if (at >= begin && at < target_size) kinds[at / kUnit] = kind;
  };
  for (const auto& [block, value] : target) {
    const bool shared =
        base != nullptr && base->contains(block) && base->at(block) >> 24 == value >> 24;
    put(block, shared ? base_size : 0, DeltaKind::data);
  }
  if (base == nullptr) return kinds;
  for (const auto& [block, value] : *base)
    if (!target.contains(block))
      for (uint64_t at = block * kChunk; at < (block + 1) * kChunk; at += kUnit)
        if (at < std::min(base_size, target_size)) kinds[at / kUnit] = DeltaKind::unmap;
  return kinds;
}

/// Checks that extents ascend, and cuts them into units.
Kinds units_of(DeltaSource& source) {
  Kinds kinds;
  uint64_t position = 0;
  while (const auto found = source.next()) {
    EXPECT_GE(found->extent.offset, position);
    EXPECT_GT(found->extent.length, 0);
    position = found->extent.end();
    for (uint64_t at = found->extent.offset; at < position; at += kUnit)
      kinds[at / kUnit] = found->kind;
  }
  return kinds;
}

/// A pool whose mappings are read from the metadata snapshot, as thin_delta reads images without
/// space maps.
std::string held_pool(const TemporaryFolder& folder, const MappingValues& base,
                      const MappingValues& target, ThinMetadataBuilder::Shape shape = {}) {
  ThinMetadataBuilder builder(shape, kDataBlocks);
  builder.device(kBase, base);
  builder.device(kTarget, target);
  builder.hold_metadata_snapshot();
  builder.device(kBase, {});
  builder.device(kTarget, {});
  return folder.write("metadata", builder.finish().bytes());
}

bool have_thin_tools() {
  return !error_thrown_by([] { run({"thin_delta", "--version"}); });
}

class DeltaEngines : public testing::TestWithParam<DeltaEngine> {
 protected:
  void SetUp() override {
    if (GetParam() != DeltaEngine::native && !have_thin_tools())
      GTEST_SKIP() << "thin-provisioning-tools are not installed";
  }

  Kinds ask(std::optional<uint64_t> base, uint64_t base_size, uint64_t target_size) const {
    return units_of(*open_delta(GetParam(), place_, base, kTarget, kChunk, base_size, target_size));
  }

  TemporaryFolder folder_;
  MappingPlace place_{folder_.path("metadata"), true};
};

TEST_P(DeltaEngines, CutTheDifferenceToBothSizes) {
  constexpr uint64_t kBlocks = 3000;
  std::mt19937_64 dice(5);
  for (int round = 0; round < 8; ++round) {
    MappingValues base;
    for (uint64_t runs = dice() % 15; runs > 0; --runs)
      base.merge(random_mappings(dice, kBlocks, kDataBlocks));
    MappingValues target = base;
    mutate(target, dice, kBlocks, kDataBlocks);
    held_pool(folder_, base, target,
              {.fanout = 60, .loose_keys = 20, .copied = 10, .full_thirds = 1, .salt = dice()});
    for (int sizes = 0; sizes < 4; ++sizes) {
      const uint64_t base_size = kUnit * (dice() % (kBlocks * kChunk / kUnit));
      const uint64_t target_size =
          sizes == 0 ? base_size : kUnit * (dice() % (kBlocks * kChunk / kUnit));
      ASSERT_EQ(naive_delta(&base, target, base_size, target_size),
                ask(kBase, base_size, target_size))
          << "sizes " << base_size << " and " << target_size;
      ASSERT_EQ(naive_delta(nullptr, target, 0, target_size),
                ask(std::nullopt, base_size, target_size));
    }
  }
}

TEST_P(DeltaEngines, YieldNothingForADeviceAgainstItself) {
  held_pool(folder_, {}, {{1, mapping_value(1)}});
  EXPECT_TRUE(ask(kTarget, 10 * kChunk, 10 * kChunk).empty());
}

TEST_P(DeltaEngines, RefuseDeviceThatIsNotThere) {
  held_pool(folder_, {}, {});
  for (const std::optional<uint64_t> base : {std::optional<uint64_t>(kBase), {}}) {
    const auto error = error_thrown_by(
        [&] { units_of(*open_delta(GetParam(), place_, base, 77, kChunk, kChunk, kChunk)); });
    ASSERT_TRUE(error);
    EXPECT_EQ(ErrorKind::failed, error->kind());
    EXPECT_NE(std::string(error->what()).find("77"), std::string::npos) << error->what();
  }
}

TEST_P(DeltaEngines, RefuseOtherChunkSizeThanTheCallerKnows) {
  held_pool(folder_, {}, {});
  const auto error = error_thrown_by([&] {
    units_of(*open_delta(GetParam(), place_, kBase, kTarget, 2 * kChunk, kChunk, kChunk));
  });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::corrupt, error->kind());
}

TEST_P(DeltaEngines, SayThatThereIsNoMetadataSnapshot) {
  ThinMetadataBuilder builder;
  builder.device(kTarget, {});
  folder_.write("metadata", builder.finish().bytes());
  const auto error = error_thrown_by([&] { ask(std::nullopt, 0, kChunk); });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::failed, error->kind());
}

TEST_P(DeltaEngines, NameTheMetadataThatIsNotThere) {
  const auto error = error_thrown_by([&] { ask(kBase, kChunk, kChunk); });
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::failed, error->kind());
  EXPECT_NE(std::string(error->what()).find(place_.metadata_path), std::string::npos);
}

std::string engine_name(const testing::TestParamInfo<DeltaEngine>& engine) {
  switch (engine.param) {
    case DeltaEngine::thin_tools:
      return "ThinTools";
    case DeltaEngine::native:
      return "Native";
    case DeltaEngine::check:
      return "Check";
  }
  return {};
}

INSTANTIATE_TEST_SUITE_P(All, DeltaEngines,
                         testing::Values(DeltaEngine::thin_tools, DeltaEngine::native,
                                         DeltaEngine::check),
                         engine_name);

/// Puts a thin_delta of ours in front of the real one.
class FakeThinDelta : public testing::Test {
 protected:
  FakeThinDelta() {
    held_pool(folder_, {}, {{1, mapping_value(1)}, {7, mapping_value(2)}});
    setenv("PATH", (folder_.path("") + ":" + path_).c_str(), 1);
  }
  ~FakeThinDelta() override { setenv("PATH", path_.c_str(), 1); }

  void write_program(const std::string& ranges, const std::string& last_lines) const {
    const std::string text =
        "#!/bin/sh\ncat <<END\n"
        "<superblock uuid=\"\" time=\"0\" transaction=\"0\" data_block_size=\"128\" "
        "nr_data_blocks=\"0\">\n<diff left=\"1\" right=\"2\">\n" +
        ranges + last_lines;
    std::filesystem::permissions(folder_.write("thin_delta", std::as_bytes(std::span(text))),
                                 std::filesystem::perms::owner_all);
  }

  std::optional<Error> error_of(DeltaEngine engine) const {
    return error_thrown_by([&] {
      units_of(*open_delta(engine, {folder_.path("metadata"), true}, kBase, kTarget, kChunk,
                           100 * kChunk, 100 * kChunk));
    });
  }

  static constexpr const char* kEnd = "</diff>\n</superblock>\nEND\n";

  TemporaryFolder folder_;
  std::string path_ = getenv("PATH");
};

TEST_F(FakeThinDelta, IsBelievedWhenItAgrees) {
  write_program("<right_only begin=\"1\" length=\"1\"/>\n<right_only begin=\"7\" length=\"1\"/>\n",
                kEnd);
  EXPECT_FALSE(error_of(DeltaEngine::check));
}

TEST_F(FakeThinDelta, FailsTheCheckWhereItDiffersFirst) {
  write_program("<right_only begin=\"1\" length=\"1\"/>\n<left_only begin=\"7\" length=\"2\"/>\n",
                kEnd);
  const auto error = error_of(DeltaEngine::check);
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::verify, error->kind());
  EXPECT_STREQ(
      "the delta engines differ: native has data from byte 458752 to 524288, "
      "thin-tools has unmap from byte 458752 to 589824",
      error->what());
}

TEST_F(FakeThinDelta, FailsTheCheckWhenItEndsEarly) {
  write_program("<right_only begin=\"1\" length=\"1\"/>\n", kEnd);
  const auto error = error_of(DeltaEngine::check);
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::verify, error->kind());
}

TEST_F(FakeThinDelta, ExplainsCutOutputByItsOwnFailure) {
  write_program("", "END\necho 'metadata is on fire' >&2\nexit 3\n");
  const auto error = error_of(DeltaEngine::thin_tools);
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::failed, error->kind());
  EXPECT_NE(std::string(error->what()).find("metadata is on fire"), std::string::npos);
}

TEST_F(FakeThinDelta, IsNotBelievedWithoutTheEndOfItsOutput) {
  write_program("<right_only begin=\"1\" length=\"1\"/>\n", "END\n");
  const auto error = error_of(DeltaEngine::thin_tools);
  ASSERT_TRUE(error);
  EXPECT_EQ(ErrorKind::truncated, error->kind());
}

std::string restore_xml(const std::map<uint64_t, MappingValues>& devices) {
  std::string xml = fmt::format(
      "<superblock uuid=\"\" time=\"3\" transaction=\"9\" flags=\"0\" version=\"2\" "
      "data_block_size=\"128\" nr_data_blocks=\"{}\">\n",
      kDataBlocks);
  for (const auto& [thin_id, mappings] : devices) {
    xml += fmt::format(
        "<device dev_id=\"{}\" mapped_blocks=\"{}\" transaction=\"0\" creation_time=\"0\" "
        "snap_time=\"0\">\n",
        thin_id, mappings.size());
    for (const auto& [block, value] : mappings)
      xml += fmt::format("<single_mapping origin_block=\"{}\" data_block=\"{}\" time=\"{}\"/>\n",
                         block, value >> 24, value & 0xffffff);
    xml += "</device>\n";
  }
  return xml + "</superblock>\n";
}

TEST(RestoredMetadata, GivesBothEnginesTheSameDelta) {
  if (!have_thin_tools()) GTEST_SKIP() << "thin-provisioning-tools are not installed";
  const TemporaryFolder folder;
  std::mt19937_64 dice(8);
  for (int round = 0; round < 3; ++round) {
    MappingValues base = random_mappings(dice, 5000, kDataBlocks);
    for (uint64_t block = 10000; block < 15000; ++block) base[block] = mapping_value(block, 1);
    MappingValues target = base;
    for (int i = 0; i < 5; ++i) mutate(target, dice, 15000, kDataBlocks);
    const std::string xml = restore_xml({{kBase, base}, {kTarget, target}, {3, {}}});
    const std::string xml_path = folder.write("xml", std::as_bytes(std::span(xml)));
    const std::string metadata = folder.write("metadata", Bytes(4 << 20));
    run({"thin_restore", "-i", xml_path, "-o", metadata});

    const uint64_t size = 20000 * kChunk;
    for (const DeltaEngine engine : {DeltaEngine::native, DeltaEngine::check}) {
      ASSERT_EQ(
          naive_delta(&base, target, size, size),
          units_of(*open_delta(engine, {metadata, false}, kBase, kTarget, kChunk, size, size)));
      ASSERT_EQ(
          naive_delta(nullptr, target, 0, size),
          units_of(*open_delta(engine, {metadata, false}, std::nullopt, kTarget, kChunk, 0, size)));
    }
  }
}

}  // namespace
}  // namespace bsr
