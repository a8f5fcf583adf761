// Every cut and every flipped bit of small streams, one by one: none may pass.
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/unit/formats/stream_builder.h"

namespace bsr {
namespace {

using stream::kHeaderSize;

/// How often receive() ended how.
using Outcomes = std::map<std::string, size_t>;

void count(Outcomes& outcomes, const std::optional<ErrorKind>& kind) {
  ++outcomes[kind ? std::string(id(*kind)) : "accepted"];
}

void flip(Bytes& bytes, size_t bit) { bytes[bit / 8] ^= static_cast<std::byte>(1U << (bit % 8)); }

TEST(StreamDamage, EveryCutIsTruncated) {
  for (const Compression& compression : {kPlain, kZstd}) {
    const Bytes bytes = wire(small_stream(), compression);
    Outcomes outcomes;
    for (size_t size = 0; size < bytes.size(); ++size)
      count(outcomes, refusal(ByteView(bytes).first(size)));

    EXPECT_EQ((Outcomes{{"truncated", bytes.size()}}), outcomes);
  }
}

TEST(StreamDamage, EveryCutIsTruncatedAlsoByteByByte) {
  const Bytes bytes = wire(small_stream(), kZstd);
  Outcomes outcomes;
  for (size_t size = 0; size < bytes.size(); ++size)
    count(outcomes, refusal(ByteView(bytes).first(size), 1));

  EXPECT_EQ((Outcomes{{"truncated", bytes.size()}}), outcomes);
}

TEST(StreamDamage, EveryFlippedBitIsCorrupt) {
  for (const Compression& compression : {kPlain, kZstd}) {
    Bytes bytes = wire(small_stream(), compression);
    Outcomes outcomes;
    for (size_t bit = 0; bit < 8 * bytes.size(); ++bit) {
      flip(bytes, bit);
      count(outcomes, refusal(bytes));
      flip(bytes, bit);
    }

    EXPECT_EQ((Outcomes{{"corrupt", 8 * bytes.size()}}), outcomes);
  }
}

/// Computes all checksums anew, as far as the frames can be found.
void repair(Bytes& bytes) {
  size_t at = 0;
  while (bytes.size() - at >= kHeaderSize) {
    const std::span<std::byte> frame = std::span(bytes).subspan(at);
    const auto length = load_le<uint32_t>(frame, 16);
    if (length > frame.size() - kHeaderSize) return;
    store_le(frame, 24, uint64_t{XXH3_64bits(frame.data() + kHeaderSize, length)});
    store_le(frame, 32, uint64_t{XXH3_64bits(frame.data(), 32)});
    at += kHeaderSize + length;
  }
}

/// What a stream does to a volume that holds the base of its patches, without frames that say
/// nothing about it.
std::vector<std::string> meaning(const std::vector<Frame>& frames) {
  std::vector<std::string> texts;
  for (const Frame& frame : frames) {
    if (const auto* patch = std::get_if<PatchFrame>(&frame.body)) {
      const AlignedBytes base = patch_base(patch->extents, patch->references);
      if (!applies_to(*patch, base)) fail(ErrorKind::verify, "another base");
      texts.push_back(describe(DataFrame{patch->extents, apply_patch(*patch, base)}));
    } else if (!std::holds_alternative<UnknownFrame>(frame.body) &&
               !std::holds_alternative<ContentFrame>(frame.body) &&
               !std::holds_alternative<CheckpointFrame>(frame.body)) {
      texts.push_back(describe(frame.body));
    }
  }
  return texts;
}

/// Flips each bit under right checksums and expects that what still passes means the same; returns
/// how many pass.
size_t harmless_flips(const Bytes& good) {
  const std::vector<std::string> expected = meaning(receive(good));
  size_t accepted = 0;
  for (size_t bit = 0; bit < 8 * good.size(); ++bit) {
    Bytes bytes = good;
    flip(bytes, bit);
    repair(bytes);
    if (bytes == good) continue;  // a checksum
    try {
      std::vector<Frame> frames = receive(bytes);
      std::get<EndFrame>(frames.back().body).content_root = {};  // nothing here can tell
      EXPECT_EQ(expected, meaning(frames)) << bit;
      ++accepted;
    } catch (const Error&) {
    }
  }
  return accepted;
}

TEST(StreamDamage, NoFlippedBitUnderRightChecksumsChangesWhatIsReceived) {
  // The digest of where BEGIN resumes, which it does not; of the skippable frame payload, flags and
  // 15 bits of its type; of the checkpoint six bits of its position, and that it can be skipped; of
  // the content frame flags, 15 bits of its type and a bit of its position.
  constexpr size_t kHarmless = 256 + 23 * 8 + 16 + 15 + 6 + 1 + 16 + 15 + 1;

  // And a few bits of zstd frames, of which a patch is always one, that do not change what they
  // unpack to.
  for (const Compression& compression : {kPlain, kZstd}) {
    const size_t harmless = harmless_flips(wire(small_stream(), compression));
    EXPECT_GE(harmless, kHarmless);
    EXPECT_LT(harmless, kHarmless + 100);
  }
}

TEST(StreamDamage, EveryInsertedAndEveryMissingByteIsRefused) {
  const Bytes good = wire(small_stream(), kZstd);
  for (size_t at = 0; at <= good.size(); ++at) {
    Bytes bytes = good;
    bytes.insert(bytes.begin() + static_cast<std::ptrdiff_t>(at), std::byte{0});
    EXPECT_NE(std::nullopt, refusal(bytes)) << at;
  }
  for (size_t at = 0; at < good.size(); ++at) {
    Bytes bytes = good;
    bytes.erase(bytes.begin() + static_cast<std::ptrdiff_t>(at));
    EXPECT_NE(std::nullopt, refusal(bytes)) << at;
  }
}

}  // namespace
}  // namespace bsr
