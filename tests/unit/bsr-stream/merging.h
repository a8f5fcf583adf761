// Streams in memory through the program's own function, and what a target makes of them.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdlib>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "bsr-recv/applier.h"
#include "bsr-stream/merge.h"
#include "platform/fd_stream.h"
#include "tests/fakes/memory_file.h"
#include "tests/fakes/memory_volume.h"
#include "tests/unit/formats/stream_builder.h"

namespace bsr {

inline Bytes contents(const MemoryFile& file) {
  Bytes bytes(file.size());
  if (pread(file.fd(), bytes.data(), bytes.size(), 0) != static_cast<ssize_t>(bytes.size()))
    throw std::runtime_error("cannot read back");
  return bytes;
}

inline std::string path_of(const MemoryFile& file) {
  return fmt::format("/proc/self/fd/{}", file.fd());
}

/// File to file. `base`: what --base names, if that is given; it is as before afterwards.
inline Bytes merged(const std::vector<Bytes>& streams, const std::optional<Bytes>& base = {}) {
  std::vector<MemoryFile> files(streams.size());
  std::vector<std::string> paths;
  for (size_t i = 0; i < streams.size(); ++i) {
    FdOutput(files[i].fd()).write_all({streams[i]});
    paths.push_back(path_of(files[i]));
  }
  const MemoryFile base_file;
  if (base) FdOutput(base_file.fd()).write_all({*base});
  const MemoryFile output;
  merge_streams(paths, base ? std::optional(path_of(base_file)) : std::nullopt, std::nullopt,
                output.fd());
  if (base && contents(base_file) != *base) throw std::logic_error("the base was written to");
  return contents(output);
}

/// What a target that holds `old` holds after a stream. Where it grew there is rubbish first.
inline Bytes applied(ByteView stream, Bytes old, std::mt19937_64& dice) {
  const std::vector<Frame> frames = receive(stream);
  const auto& begin = std::get<BeginFrame>(frames.at(0).body);
  old.resize(std::min<size_t>(old.size(), begin.volume_size));
  while (old.size() < begin.volume_size) old.push_back(static_cast<std::byte>(dice()));
  MemoryVolume target(std::move(old));
  const auto itself = [&]() -> VolumeReader& { return target; };
  Applier applier(target, begin, nullptr, {itself, itself});
  for (const Frame& frame : frames) applier.apply(FrameBody(frame.body));
  applier.finish();
  return std::move(target.content);
}

/// How many of the frames are patches, and patches with references.
struct PatchCount {
  size_t all = 0;
  size_t referring = 0;

  void add(const std::vector<Frame>& frames) {
    for (const Frame& frame : frames)
      if (const auto* patch = std::get_if<PatchFrame>(&frame.body)) {
        ++all;
        if (!patch->references.empty()) ++referring;
      }
  }
};

/// Tests that run again and again with other seeds, and say which one failed.
class RandomRounds : public testing::Test {
 protected:
  static unsigned rounds() {
    const char* text = std::getenv("BSR_PROPERTY_ROUNDS");  // NOLINT(concurrency-mt-unsafe)
    return text == nullptr ? 2000 : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
  }

  uint64_t below(uint64_t limit) { return dice_() % limit; }

  /// Calls `check` with a new seed for each round.
  template <typename Check>
  void in_rounds(unsigned count, Check&& check) {
    const char* given = std::getenv("BSR_SEED");  // NOLINT(concurrency-mt-unsafe)
    for (unsigned round = 0; round < count && !HasFatalFailure(); ++round) {
      const auto seed =
          given == nullptr ? std::random_device{}() : std::strtoul(given, nullptr, 10) + round;
      SCOPED_TRACE(testing::Message() << "BSR_SEED=" << seed);
      dice_.seed(seed);
      SetUp();
      check();
    }
  }

  std::mt19937_64 dice_{std::random_device{}()};
};

}  // namespace bsr
