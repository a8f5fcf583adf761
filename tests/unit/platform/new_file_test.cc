// What gets its name last never takes one that somebody else has. Order of flushes:
// durable_order_test.cc.
#include "platform/new_file.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <string_view>

#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thrown_error.h"

namespace bsr {
namespace {

ByteView bytes_of(std::string_view text) { return std::as_bytes(std::span(text)); }

TEST(NewFiles, ANameThatWasTakenMeanwhileIsNotReplaced) {
  const TemporaryFolder folder;
  {
    NewFile file(folder.path("stream"));
    folder.write("stream", bytes_of("precious"));
    EXPECT_EQ(ErrorKind::usage, kind_thrown_by([&] { file.commit(); }));
  }
  EXPECT_EQ(8, std::filesystem::file_size(folder.path("stream")));
  EXPECT_FALSE(std::filesystem::exists(folder.path("stream.bsr-new"))) << "nothing is left";
}

}  // namespace
}  // namespace bsr
