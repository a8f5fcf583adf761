// Names that would fail only after hours, when a generation is made or activated.
#include "bsr-recv/target_names.h"

#include <gtest/gtest.h>

#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

constexpr int64_t kTime = 1736121602;  // 20250106T000002Z

TargetState state_of(const VolumeName& target, unsigned generations = 0) {
  TargetState state;
  state.target = target;
  state.generations.resize(generations);
  return state;
}

BeginFrame begin_frame() {
  BeginFrame begin;
  begin.snapshot_time = kTime;
  return begin;
}

std::string refusal(const TargetState& state, const std::vector<LogicalVolume>& volumes = {},
                    bool rollback = false) {
  const auto error =
      error_thrown_by([&] { check_names(state, volumes, begin_frame(), rollback, kTime); });
  if (!error) return "";
  EXPECT_EQ(ErrorKind::usage, error->kind());
  return error->what();
}

/// A target of so many letters, or of so many of this kind.
std::string name_of(size_t letters, char letter = 'x') {
  // Neither first nor last, which LVM would not take or the reader not see.
  return 'n' + std::string(letters - 2, letter) + 'n';
}

TEST(TargetNames, AreRefusedWhereALaterNameWouldNotFit) {
  // 127 = VG, a hyphen, the name, and ".bsr--diverged--20250106T000002Z--99".
  const size_t longest = 127 - 2 - 1 - 36;
  EXPECT_EQ("", refusal(state_of({"vg", name_of(longest)})));
  const std::string text = refusal(state_of({"vg", name_of(longest + 1)}));
  EXPECT_NE(std::string::npos, text.find(".bsr-diverged-20250106T000002Z-99")) << text;
  EXPECT_NE(std::string::npos, text.find(fmt::format(" {} letters", longest))) << text;
}

TEST(TargetNames, CountHyphensTwiceInBothNames) {
  const std::string vg = "a-b-c";  // 7 letters of the device's name
  const size_t room = 127 - 7 - 1 - 36;
  const size_t hyphens = room / 2 - 1;  // n-----n
  EXPECT_EQ("", refusal(state_of({vg, name_of(hyphens + 2, '-')})));
  const std::string text = refusal(state_of({vg, name_of(hyphens + 3, '-')}));
  EXPECT_NE(std::string::npos, text.find("would do: a-b-c/n" + std::string(hyphens, '-'))) << text;
}

TEST(TargetNames, NameALongestOneThatReallyFits) {
  for (const char letter : {'x', '-'}) {
    const std::string text = refusal(state_of({name_of(40, '-'), name_of(100, letter)}));
    const size_t at = text.find("would do: ");
    ASSERT_NE(std::string::npos, at) << text;
    const std::string found = text.substr(text.rfind('/') + 1);
    EXPECT_EQ("", refusal(state_of({name_of(40, '-'), found})));
    EXPECT_NE("", refusal(state_of({name_of(40, '-'), found + letter})));
  }
}

TEST(TargetNames, MayHaveNoRoomAtAll) {
  EXPECT_NE(std::string::npos,
            refusal(state_of({name_of(110), "x"})).find("leaves no room at all"));
}

/// A target that is there was made by an older version, or its group was renamed: what it needs now
/// counts.
TEST(TargetNames, OfATargetThatIsThereCountAsFarAsTheyAreNeeded) {
  const VolumeName target{"vg", name_of(127 - 2 - 1 - 22)};
  EXPECT_NE("", refusal(state_of(target)));
  const TargetState state = state_of(target, 1);
  EXPECT_EQ("", refusal(state));
  EXPECT_NE("", refusal(state, {}, true));
  LogicalVolume taken;
  taken.name = {"vg", generation_name({}, target, kTime)};
  EXPECT_NE("", refusal(state, {taken}));
}

}  // namespace
}  // namespace bsr
