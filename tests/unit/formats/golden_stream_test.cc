// The streams in tests/golden/bsr-1, which a script wrote from man/bsr-stream.5 without our code:
// that we read them proves the page right. They must stay readable for ever.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <sstream>

#include "bsr-recv/applier.h"
#include "tests/fakes/memory_volume.h"
#include "tests/unit/formats/stream_builder.h"

namespace bsr {
namespace {

std::string golden(const std::string& name) {
  std::ifstream file(std::string(BSR_GOLDEN_DIR "/bsr-1/") + name, std::ios::binary);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

Bytes golden_stream(const std::string& name) {
  const std::string text = golden(name + ".bsr");
  const ByteView bytes = std::as_bytes(std::span(text));
  return {bytes.begin(), bytes.end()};
}

/// What make_bsr1.py says a base holds; everywhere else the target holds what must not stay.
Bytes volume_before(const BeginFrame& begin) {
  Bytes bytes(begin.volume_size, std::byte{0xee});
  for (uint64_t i = 0; i < std::min(begin.base_size, begin.volume_size); ++i)
    bytes[i] = static_cast<std::byte>(i * 7 + i / 512);
  return bytes;
}

/// The base, while the target changes.
class BaseBefore final : public VolumeReader {
 public:
  explicit BaseBefore(const BeginFrame& begin) : bytes_(volume_before(begin)) {}
  void read(uint64_t offset, std::span<std::byte> into) override {
    std::ranges::copy(std::span(bytes_).subspan(offset, into.size()), into.begin());
  }

 private:
  Bytes bytes_;
};

std::string volume_after(const std::vector<Frame>& frames) {
  const BeginFrame& begin = std::get<BeginFrame>(frames.front().body);
  MemoryVolume sink(volume_before(begin));
  BaseBefore base(begin);
  Applier applier(sink, begin, nullptr,
                  {.base = [&]() -> VolumeReader& { return base; },
                   .written = [&]() -> VolumeReader& { return sink; }});
  for (const Frame& frame : frames) applier.apply(FrameBody(frame.body));
  applier.finish();
  Sha256 sha;
  sha.update(sink.content);
  return to_hex(sha.finish());
}

/// In the words of the .txt files.
std::string seen(const std::vector<Frame>& frames) {
  std::ostringstream text;
  for (const Frame& frame : frames) {
    text << frame.position << ' ' << frame.wire_length << ' ' << (frame.compressed ? "zstd " : "")
         << describe(frame.body) << '\n';
  }
  text << "volume " << volume_after(frames) << '\n';
  return text.str();
}

class GoldenStream : public testing::TestWithParam<const char*> {};

TEST_P(GoldenStream, IsReadAsThePageSays) {
  EXPECT_EQ(golden(GetParam() + std::string(".txt")), seen(receive(golden_stream(GetParam()))));
}

TEST_P(GoldenStream, IsReadByteByByteToo) {
  EXPECT_EQ(golden(GetParam() + std::string(".txt")), seen(receive(golden_stream(GetParam()), 1)));
}

TEST_P(GoldenStream, EveryCutOfItIsTruncated) {
  const Bytes bytes = golden_stream(GetParam());
  for (size_t size = 0; size < bytes.size(); ++size)
    ASSERT_EQ(ErrorKind::truncated, refusal(ByteView(bytes).first(size))) << size;
}

INSTANTIATE_TEST_SUITE_P(Format1, GoldenStream,
                         testing::Values("full", "full-zstd", "delta", "delta-zstd", "patches",
                                         "shrink", "nothing", "states", "content"),
                         [](const auto& name) {
                           std::string text = name.param;
                           std::ranges::replace(text, '-', '_');
                           return text;
                         });

/// A golden stream without compression, read and written again.
Bytes written_again(const std::string& name) {
  std::vector<FrameBody> bodies;
  for (const Frame& frame : receive(golden_stream(name))) bodies.push_back(frame.body);
  return wire(bodies);
}

TEST(FrameEncoder, WritesTheGoldenStreamsByteForByte) {
  // Without skippable frames, which nobody here writes, and without zstd, whose output changes.
  for (const char* const name : {"full", "shrink", "nothing", "content"})
    EXPECT_EQ(golden_stream(name), written_again(name)) << name;
}

}  // namespace
}  // namespace bsr
