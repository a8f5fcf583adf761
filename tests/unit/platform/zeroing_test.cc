// What reads as zeros afterwards, whatever the kernel says of discards. A file stands for a thin
// device: its holes are what is not mapped.
#include "platform/zeroing.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdarg>

#include "platform/block_sink.h"
#include "platform/signals.h"
#include "tests/fakes/listed_plan.h"
#include "tests/fakes/temporary_folder.h"
#include "tests/fakes/thrown_error.h"

namespace {

/// The kernel's answer to BLKDISCARD, which a file does not take.
enum class Discards { unmap, do_nothing, refuse } discards = Discards::unmap;
bool signal_at_discard = false;
std::vector<bsr::Extent> discarded;

}  // namespace

/// In the place of the C library's.
extern "C" int ioctl(int fd, unsigned long request, ...) noexcept {
  va_list arguments;
  va_start(arguments, request);
  void* const argument = va_arg(arguments, void*);
  va_end(arguments);
  if (request != BLKDISCARD) {
    static const auto real =
        reinterpret_cast<int (*)(int, unsigned long, void*)>(dlsym(RTLD_NEXT, "ioctl"));
    return real(fd, request, argument);
  }
  const auto* const range = static_cast<const uint64_t*>(argument);
  discarded.push_back({range[0], range[1]});
  if (signal_at_discard) raise(SIGTERM);
  if (discards == Discards::refuse) {
    errno = EOPNOTSUPP;
    return -1;
  }
  if (discards == Discards::do_nothing) return 0;
  return fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(range[0]),
                   static_cast<off_t>(range[1]));
}

namespace bsr {
namespace {

constexpr uint64_t kKiB = 1024;
constexpr uint64_t kSize = 4096 * kKiB;

class ZeroingTest : public testing::Test {
 protected:
  ZeroingTest() {
    discards = Discards::unmap;
    discarded.clear();
  }

  BlockSink sink(std::optional<ThinFacts> thin) const {
    return {BlockFile(path_, BlockFile::Access::write), thin};
  }

  [[nodiscard]] Bytes content() const {
    const BlockFile file(path_, BlockFile::Access::shared_read);
    Bytes all(file.size());
    file.read(0, all);
    return all;
  }

  /// As it was, with zeros there.
  [[nodiscard]] static Bytes with_zeros(Extent extent) {
    Bytes all(kSize, std::byte{7});
    std::fill_n(all.begin() + static_cast<ptrdiff_t>(extent.offset), extent.length, std::byte{0});
    return all;
  }

  /// Bytes that take room.
  [[nodiscard]] uint64_t used() const {
    struct stat facts {};
    EXPECT_EQ(0, stat(path_.c_str(), &facts));
    return static_cast<uint64_t>(facts.st_blocks) * 512;
  }

  void make_sparse(uint64_t size) const {
    ASSERT_EQ(0, truncate(path_.c_str(), 0));
    ASSERT_EQ(0, truncate(path_.c_str(), static_cast<off_t>(size)));
  }

  TemporaryFolder folder_;
  std::string path_ = folder_.write("volume", Bytes(kSize, std::byte{7}));
};

TEST_F(ZeroingTest, WhatADiscardLeftIsWritten) {
  for (const Discards answer : {Discards::unmap, Discards::do_nothing, Discards::refuse})
    for (const uint64_t chunk : {64 * kKiB, 192 * kKiB, 448 * kKiB, 1024 * kKiB})
      for (const Extent extent : {Extent{0, kSize},
                                  {512, 512},
                                  {64 * kKiB, 64 * kKiB},
                                  {384 * kKiB + 512, 1500 * kKiB}}) {
        discards = answer;
        path_ = folder_.write("volume", Bytes(kSize, std::byte{7}));
        BlockSink target = sink(ThinFacts{.chunk_size = chunk});
        target.zero(extent);
        target.flush();
        EXPECT_EQ(with_zeros(extent), content())
            << chunk << ", " << extent.offset << "+" << extent.length;
      }
}

TEST_F(ZeroingTest, OnlyWholeChunksAreDiscarded) {
  BlockSink target = sink(ThinFacts{.chunk_size = 192 * kKiB});
  target.zero({100 * kKiB, 700 * kKiB});
  EXPECT_EQ((std::vector<Extent>{{192 * kKiB, 576 * kKiB}}), discarded);
  discarded.clear();
  target.zero({1000 * kKiB, 200 * kKiB});
  EXPECT_TRUE(discarded.empty());
}

/// There what is not mapped reads from another volume.
TEST_F(ZeroingTest, NothingIsDiscardedAboveAnExternalOrigin) {
  BlockSink target = sink(ThinFacts{.chunk_size = 64 * kKiB, .has_external_origin = true});
  target.zero({0, 512 * kKiB});
  target.flush();
  EXPECT_TRUE(discarded.empty());
  EXPECT_EQ(with_zeros({0, 512 * kKiB}), content());
}

TEST_F(ZeroingTest, NothingIsDiscardedInAPoolThatIgnoresIt) {
  BlockSink target = sink(ThinFacts{.chunk_size = 64 * kKiB, .takes_discards = false});
  target.zero({0, 512 * kKiB});
  target.flush();
  EXPECT_TRUE(discarded.empty());
  EXPECT_EQ(with_zeros({0, 512 * kKiB}), content());
}

/// Zeros in chunks that are not mapped would use them up.
TEST_F(ZeroingTest, WhatReadsAsZerosIsNotWritten) {
  make_sparse(kSize);
  const ThinFacts facts{.chunk_size = 64 * kKiB, .takes_discards = false};
  const Extent data = {1024 * kKiB + 512, 1024};
  {
    BlockSink target = sink(facts);
    target.write({&data, 1}, AlignedBytes(1024, std::byte{7}));
    target.flush();
  }
  BlockSink target = sink(facts);
  target.zero({0, kSize});
  target.flush();
  EXPECT_EQ(Bytes(kSize), content());
  EXPECT_GE(64 * kKiB, used());
}

TEST_F(ZeroingTest, LargeDiscardsComeInPieces) {
  constexpr uint64_t kLarge = 24ULL << 30;
  constexpr uint64_t kChunk = 448 * kKiB;
  make_sparse(kLarge);
  BlockSink target = sink(ThinFacts{.chunk_size = kChunk});
  target.zero({0, kLarge});
  uint64_t end = 0;
  for (const Extent& piece : discarded) {
    EXPECT_EQ(end, piece.offset);
    EXPECT_EQ(0U, piece.length % kChunk);
    EXPECT_GE(1ULL << 30, piece.length);
    end = piece.end();
  }
  EXPECT_EQ(kLarge / kChunk * kChunk, end);
  EXPECT_LE(24U, discarded.size());
  EXPECT_GE(64U << 20, discarded.front().length);
}

TEST_F(ZeroingTest, HearsASignalBetweenPieces) {
  make_sparse(8ULL << 30);
  EXPECT_EXIT(
      {
        install_signal_handlers();
        signal_at_discard = true;
        BlockSink target = sink(ThinFacts{.chunk_size = 64 * kKiB});
        const auto kind = kind_thrown_by([&] { target.zero({0, 8ULL << 30}); });
        _exit(kind == ErrorKind::interrupted && discarded.size() == 1 ? 42 : 1);
      },
      testing::ExitedWithCode(42), "");
}

TEST_F(ZeroingTest, HearsASignalWhileItReads) {
  EXPECT_EXIT(
      {
        install_signal_handlers();
        BlockSink target = sink(ThinFacts{.chunk_size = 64 * kKiB, .takes_discards = false});
        raise(SIGTERM);
        const auto kind = kind_thrown_by([&] { target.zero({0, kSize}); });
        _exit(kind == ErrorKind::interrupted && content()[0] == std::byte{7} ? 42 : 1);
      },
      testing::ExitedWithCode(42), "");
}

/// What passes on the way to the file is what must be written, so that it can be counted.
TEST_F(ZeroingTest, WritesPassWhoAsked) {
  class Counting final : public VolumeSink {
   public:
    explicit Counting(VolumeSink& sink) : sink_(sink) {}
    void write(std::span<const Extent> extents, AlignedBytes content) override {
      bytes += total_length(extents);
      sink_.write(extents, std::move(content));
    }
    void zero(Extent) override {}
    void wait() override { sink_.wait(); }
    void sync() override {}
    uint64_t bytes = 0;

   private:
    VolumeSink& sink_;
  };
  BlockSink target = sink(ThinFacts{.chunk_size = 64 * kKiB});
  Counting counting(target);
  target.zero({4096, 128 * kKiB}, counting);
  target.flush();
  EXPECT_EQ(64 * kKiB, counting.bytes);
  EXPECT_EQ(with_zeros({4096, 128 * kKiB}), content());
}

// ---- pools that do not zero what a new chunk held before
// -----------------------------------------

class UnzeroedChunks : public ZeroingTest {
 protected:
  static constexpr uint64_t kChunk = 2048 * kKiB;
  UnzeroedChunks() { make_sparse(2 * kSize + 512 * kKiB); }
  const ThinFacts facts_{.chunk_size = kChunk, .zeroes_new_chunks = false};

  void write(BlockSink& target, Extent extent) {
    target.write({&extent, 1}, AlignedBytes(extent.length, std::byte{9}));
  }
};

/// As a hole of the file would show old content if it was such a chunk.
TEST_F(UnzeroedChunks, ANewChunkIsWrittenAllOver) {
  BlockSink target = sink(facts_);
  write(target, {kChunk + 512 * kKiB, 512});
  target.flush();
  EXPECT_EQ((Extent{kChunk, kChunk}), target.file().next_data(0));
  EXPECT_FALSE(target.file().next_data(2 * kChunk));
}

TEST_F(UnzeroedChunks, BothEndsOfAWriteArePrepared) {
  BlockSink target = sink(facts_);
  write(target, {kChunk + 512 * kKiB, 2 * kChunk});
  target.flush();
  EXPECT_EQ((Extent{kChunk, 3 * kChunk}), target.file().next_data(0));
}

TEST_F(UnzeroedChunks, TheLastOneMayBeShort) {
  BlockSink target = sink(facts_);
  write(target, {2 * kSize, 4096});
  target.flush();
  EXPECT_EQ((Extent{2 * kSize, 512 * kKiB}), target.file().next_data(0));
}

TEST_F(UnzeroedChunks, WholeOnesAreWrittenOnce) {
  const uint64_t before = used();
  BlockSink target = sink(facts_);
  write(target, {kChunk, kChunk});
  target.flush();
  EXPECT_EQ((Extent{kChunk, kChunk}), target.file().next_data(0));
  EXPECT_LE(before + kChunk, used());
}

/// What it holds is neither read again for each part nor zeroed, also while it is under way.
TEST_F(UnzeroedChunks, WhatWasWrittenStays) {
  BlockSink target = sink(facts_);
  Bytes expected(2 * kSize + 512 * kKiB);
  for (const uint64_t offset : {uint64_t{0}, 64 * kKiB, kChunk - 4096, kChunk, kChunk + 8192,
                                5 * kChunk / 2, 3 * kChunk - 512}) {
    write(target, {offset, 4096});
    std::fill_n(expected.begin() + static_cast<ptrdiff_t>(offset), 4096, std::byte{9});
  }
  write(target, {4096, 4096});  // of one that is not the last that was prepared
  std::fill_n(expected.begin() + 4096, 4096, std::byte{9});
  target.flush();
  EXPECT_EQ(expected, content());
}

// ---- old content that comes up beside what is written
// --------------------------------------------

/// `times`: so often zeros that were made do not stay.
class ComesUp : public ZeroingTest {
 protected:
  class Haunted final : public VolumeSink {
   public:
    Haunted(BlockSink& sink, unsigned times) : sink_(sink), times_(times) {}
    void write(std::span<const Extent>, AlignedBytes) override {}
    void zero(Extent extent) override {
      ++zeroed;
      sink_.zero(extent);
      if (zeroed > times_) return;
      sink_.file().write(extent.offset + 100, std::array<std::byte, 1>{std::byte{1}});
    }
    void wait() override { sink_.wait(); }
    void sync() override { sink_.sync(); }
    unsigned zeroed = 0;

   private:
    BlockSink& sink_;
    unsigned times_;
  };

  void zero_again(unsigned times) {
    BlockSink target = sink(std::nullopt);
    Haunted haunted(target, times);
    zero_what_came_up(
        target.file(),
        [] {
          return std::make_unique<ListedPlan>(std::deque<DeltaExtent>{
              {{0, 64 * kKiB}, DeltaKind::data}, {{64 * kKiB, 100 * kKiB}, DeltaKind::unmap}});
        },
        haunted);
    zeroed_ = haunted.zeroed;
  }

  unsigned zeroed_ = 0;
};

TEST_F(ComesUp, WhatIsToBeZeroIsMadeSo) {
  zero_again(0);
  EXPECT_EQ(1U, zeroed_);
  EXPECT_EQ(with_zeros({64 * kKiB, 100 * kKiB}), content());
  zero_again(0);
  EXPECT_EQ(0U, zeroed_);
}

TEST_F(ComesUp, ItIsReadAgainAfterThat) {
  zero_again(2);
  EXPECT_EQ(3U, zeroed_);
  EXPECT_EQ(with_zeros({64 * kKiB, 100 * kKiB}), content());
}

TEST_F(ComesUp, ItEnds) {
  EXPECT_EQ(ErrorKind::verify, kind_thrown_by([this] { zero_again(1000); }));
}

TEST(ReadsAsZeros, UpToASingleByte) {
  const TemporaryFolder folder;
  const std::string path = folder.write("file", Bytes(3 << 20));
  const BlockFile file(path, BlockFile::Access::write);
  EXPECT_TRUE(reads_as_zeros(file, {0, 3 << 20}));
  const std::array<std::byte, 1> one = {std::byte{1}};
  file.write((2 << 20) + 77, one);
  EXPECT_FALSE(reads_as_zeros(file, {0, 3 << 20}));
  EXPECT_FALSE(reads_as_zeros(file, {(2 << 20) + 77, 1}));
  EXPECT_TRUE(reads_as_zeros(file, {0, (2 << 20) + 77}));
  EXPECT_TRUE(reads_as_zeros(file, {(2 << 20) + 78, 100000}));
}

}  // namespace
}  // namespace bsr
