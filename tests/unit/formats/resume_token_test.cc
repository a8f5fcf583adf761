// The text that carries an interrupted transfer from the receiver back to the sender.
#include "formats/resume_token.h"

#include <gtest/gtest.h>

#include "tests/fakes/thrown_error.h"
#include "tests/unit/formats/stream_builder.h"

namespace bsr {
namespace {

BeginFrame interrupted() {
  BeginFrame begin = delta_begin(uint64_t{3} << 40, uint64_t{2} << 40);
  begin.plan_hash.fill(std::byte{0x5a});
  begin.resume.position = uint64_t{1} << 40;
  begin.resume.totals = {1, 2, 3, 4, 5, {}};
  begin.resume.totals.digest.fill(std::byte{0xee});
  return begin;
}

std::optional<ErrorKind> refusal(const std::string& token) {
  const auto error = error_thrown_by([&] { static_cast<void>(decode_token(token)); });
  return error ? std::optional(error->kind()) : std::nullopt;
}

TEST(ResumeToken, ComesBackWithEveryField) {
  EXPECT_EQ(describe(interrupted()), describe(decode_token(encode_token({interrupted()})).begin));
}

TEST(ResumeToken, KnowsWhetherTheBaseIsGone) {
  for (const bool gone : {false, true}) {
    const ResumeToken token = decode_token(encode_token({interrupted(), gone}));
    EXPECT_EQ(gone, token.base_is_gone);
    EXPECT_EQ(describe(interrupted()), describe(token.begin));
  }
}

TEST(ResumeToken, KnowsTheStatesOfSnapshotAndBase) {
  BeginFrame begin = interrupted();
  begin.set_states({std::byte{1}, std::byte{2}}, {std::byte{3}});
  for (const bool gone : {false, true}) {
    const ResumeToken token = decode_token(encode_token({begin, gone}));
    EXPECT_EQ(gone, token.base_is_gone);
    EXPECT_EQ(describe(begin), describe(token.begin));
  }
}

TEST(ResumeToken, IsOneWordForAnyShellAndForLvm) {
  const std::string token = encode_token({interrupted()});
  EXPECT_EQ(std::string::npos, token.find_first_not_of("abcdefghijklmnopqrstuvwxyz"
                                                       "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-"));
  EXPECT_LT(token.size(), 1024U);
}

TEST(ResumeToken, EveryChangedCharacterIsNoticed) {
  const std::string good = encode_token({interrupted()});
  for (size_t i = 0; i < good.size(); ++i)
    for (const char other : {'A', 'z', '0', '-', '.', '\0', ' '}) {
      std::string token = good;
      if (token[i] == other) continue;
      token[i] = other;
      EXPECT_NE(std::nullopt, refusal(token)) << i << other;
    }
}

TEST(ResumeToken, EveryCutAndEveryExtraCharacterIsNoticed) {
  const std::string good = encode_token({interrupted()});
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_NE(std::nullopt, refusal(good.substr(0, size))) << size;
  EXPECT_EQ(ErrorKind::usage, refusal(good + "A"));
  EXPECT_EQ(ErrorKind::usage, refusal(good + "\n"));
  EXPECT_EQ(ErrorKind::usage, refusal(std::string(1 << 20, 'a')));
}

TEST(ResumeToken, OneOfAStreamThatDoesNotResumeIsNone) {
  EXPECT_EQ(ErrorKind::usage, refusal(encode_token({delta_begin()})));
}

TEST(ResumeToken, AnotherVersionIsUnsupported) {
  EXPECT_EQ(ErrorKind::unsupported, refusal("bsr2.whatever"));
}

}  // namespace
}  // namespace bsr
