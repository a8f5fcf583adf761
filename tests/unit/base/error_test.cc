// Kinds of failure: their exit codes and ids are what scripts and manual pages rely on.
#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

namespace bsr {
namespace {

struct Row {
  ErrorKind kind;
  int code;
  std::string_view id;
};

// The table of the manual pages.
constexpr Row kTable[] = {
    {ErrorKind::failed, 1, "failed"},
    {ErrorKind::usage, 2, "usage"},
    {ErrorKind::busy, 10, "busy"},
    {ErrorKind::truncated, 11, "truncated"},
    {ErrorKind::corrupt, 12, "corrupt"},
    {ErrorKind::base, 13, "base"},
    {ErrorKind::diverged, 14, "diverged"},
    {ErrorKind::no_space, 15, "nospace"},
    {ErrorKind::peer, 16, "peer"},
    {ErrorKind::verify, 18, "verify"},
    {ErrorKind::unsupported, 20, "unsupported"},
    {ErrorKind::interrupted, 130, "signal"},
};

TEST(Error, KindsHaveTheExitCodesOfTheManual) {
  for (const Row& row : kTable) EXPECT_EQ(row.code, exit_code(row.kind)) << row.id;
}

TEST(Error, KindsHaveTheIdsOfTheManual) {
  for (const Row& row : kTable) EXPECT_EQ(row.id, id(row.kind));
}

TEST(Error, NoKindLooksLikeSuccessOrLikeAnother) {
  std::set<int> codes = {0};
  for (const Row& row : kTable) EXPECT_TRUE(codes.insert(row.code).second) << row.id;
}

TEST(Error, TellsWhatWasBeingDoneFromTheOutsideIn) {
  Error error(ErrorKind::corrupt, "bad checksum");
  error.while_doing("reading block 7");
  error.while_doing("pool vg/pool");

  EXPECT_STREQ("pool vg/pool: reading block 7: bad checksum", error.what());
  EXPECT_EQ(ErrorKind::corrupt, error.kind());
}

TEST(Error, FailFormatsItsText) {
  try {
    fail(ErrorKind::busy, "{} is held by {}", "vg/pool", 42);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(ErrorKind::busy, error.kind());
    EXPECT_STREQ("vg/pool is held by 42", error.what());
  }
}

ErrorKind kind_of_errno(int number) {
  try {
    fail_errno(number, "writing");
  } catch (const Error& error) {
    EXPECT_TRUE(std::string(error.what()).starts_with("writing: ")) << error.what();
    return error.kind();
  }
}

TEST(Error, SystemErrorsThatACallerCanActOnHaveTheirKind) {
  EXPECT_EQ(ErrorKind::no_space, kind_of_errno(ENOSPC));
  EXPECT_EQ(ErrorKind::no_space, kind_of_errno(EDQUOT));
  EXPECT_EQ(ErrorKind::peer, kind_of_errno(EPIPE));
  EXPECT_EQ(ErrorKind::peer, kind_of_errno(ECONNRESET));
  EXPECT_EQ(ErrorKind::busy, kind_of_errno(EBUSY));
  EXPECT_EQ(ErrorKind::failed, kind_of_errno(EIO));
  EXPECT_EQ(ErrorKind::failed, kind_of_errno(EACCES));
}

}  // namespace
}  // namespace bsr
