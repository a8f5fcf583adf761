#include "platform/io_queue.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <liburing.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <map>
#include <set>

#include "platform/io_ring.h"
#include "platform/io_threads.h"
#include "platform/unique_fd.h"
#include "tests/fakes/temporary_folder.h"

namespace {
int pretended = 0;  // what the ring says of each request that has ended
}

/// In the place of liburing's.
extern "C" int io_uring_submit_and_wait_timeout(io_uring* ring, io_uring_cqe** ended,
                                                unsigned count, __kernel_timespec* limit,
                                                sigset_t* signals) {
  static const auto real = reinterpret_cast<decltype(&io_uring_submit_and_wait_timeout)>(
      dlsym(RTLD_NEXT, "io_uring_submit_and_wait_timeout"));
  const int result = real(ring, ended, count, limit, signals);
  if (pretended == 0) return result;
  for (unsigned i = *ring->cq.khead; i != *ring->cq.ktail; ++i)
    ring->cq.cqes[i & *ring->cq.kring_mask].res = pretended;
  return result;
}

namespace bsr {
namespace {

constexpr size_t kReads = 40;

/// A file whose bytes are their offsets, and a read of each byte.
class ReadBytes : public testing::Test {
 protected:
  ReadBytes() {
    Bytes content(kReads);
    for (size_t i = 0; i < kReads; ++i) content[i] = static_cast<std::byte>(i);
    file_ = UniqueFd(open(folder_.write("file", content).c_str(), O_RDWR | O_CLOEXEC));
  }

  [[nodiscard]] std::vector<IoRequest> reads() {
    std::vector<IoRequest> reads;
    for (size_t i = 0; i < kReads; ++i)
      reads.push_back({.fd = file_.get(), .offset = i, .pieces = {{&bytes_[i], 1}}, .tag = i});
    return reads;
  }

  TemporaryFolder folder_;
  UniqueFd file_;
  std::array<std::byte, kReads> bytes_{};
};

class IoQueueTest : public ReadBytes {
 protected:
  IoQueueTest() { queue_.start(reads()); }

  IoQueue queue_{3};
};

TEST_F(IoQueueTest, WaitsForTheOneThatIsAskedFor) {
  for (size_t left = kReads; left > 0; --left) {
    EXPECT_EQ(left, queue_.in_flight());
    const IoDone done = queue_.wait_for(left - 1);
    EXPECT_EQ(left - 1, done.tag);
    EXPECT_EQ(1, done.result);
    EXPECT_EQ(static_cast<std::byte>(left - 1), bytes_.at(left - 1));
  }
  EXPECT_EQ(0U, queue_.in_flight());
}

TEST_F(IoQueueTest, TheOthersAreStillThere) {
  std::set<uint64_t> tags = {queue_.wait_for(kReads / 2).tag};
  while (queue_.in_flight() > 0) tags.insert(queue_.wait().tag);
  EXPECT_EQ(kReads, tags.size());
}

TEST_F(IoQueueTest, AFailureIsAResult) {
  queue_.read(-1, 0, {bytes_.data(), 1}, kReads);
  EXPECT_EQ(-EBADF, queue_.wait_for(kReads).result);
}

using Open = std::unique_ptr<IoCarrier> (*)(size_t at_once);

/// What holds for whoever carries requests out.
class IoCarrierTest : public ReadBytes, public testing::WithParamInterface<Open> {
 protected:
  void SetUp() override {
    if (!carrier_) GTEST_SKIP() << "the system forbids it";
  }

  std::map<uint64_t, ssize_t> collected(size_t count) {
    std::deque<IoDone> done;
    while (done.size() < count) carrier_->collect(done, std::nullopt);
    std::map<uint64_t, ssize_t> results;
    for (const IoDone& one : done) results.emplace(one.tag, one.result);
    EXPECT_EQ(count, done.size());
    EXPECT_EQ(count, results.size());
    return results;
  }

  std::unique_ptr<IoCarrier> carrier_ = GetParam()(3);
};

TEST_P(IoCarrierTest, CarriesOutMoreThanAreUnderWayAtOnce) {
  for (int round = 0; round < 3; ++round) {
    bytes_.fill(std::byte{0xff});
    carrier_->start(reads());
    for (const auto& [tag, result] : collected(kReads)) {
      EXPECT_EQ(1, result);
      EXPECT_EQ(static_cast<std::byte>(tag), bytes_.at(tag));
    }
  }
}

TEST_P(IoCarrierTest, WritesWhatLiesInSeveralPieces) {
  std::array<std::byte, 3> content = {std::byte{71}, std::byte{72}, std::byte{73}};
  carrier_->start({{.kind = IoRequest::Kind::write,
                    .fd = file_.get(),
                    .offset = 7,
                    .pieces = {{content.data(), 1}, {&content.at(1), 2}},
                    .tag = 5}});
  EXPECT_EQ((std::map<uint64_t, ssize_t>{{5, 3}}), collected(1));
  carrier_->start({{.fd = file_.get(), .offset = 6, .pieces = {{bytes_.data(), 5}}, .tag = 6}});
  EXPECT_EQ((std::map<uint64_t, ssize_t>{{6, 5}}), collected(1));
  const std::array<std::byte, 5> expected = {std::byte{6}, std::byte{71}, std::byte{72},
                                             std::byte{73}, std::byte{10}};
  EXPECT_TRUE(std::equal(expected.begin(), expected.end(), bytes_.begin()));
}

TEST_P(IoCarrierTest, SaysHowFarItCameAndWhatFailed) {
  carrier_->start(
      {{.fd = file_.get(), .offset = kReads - 2, .pieces = {{bytes_.data(), 10}}, .tag = 1},
       {.fd = file_.get(), .offset = kReads, .pieces = {{&bytes_[10], 10}}, .tag = 2},
       {.fd = -1, .offset = 0, .pieces = {{&bytes_[20], 10}}, .tag = 3}});
  EXPECT_EQ((std::map<uint64_t, ssize_t>{{1, 2}, {2, 0}, {3, -EBADF}}), collected(3));
}

/// The memory of a request is gone behind it.
TEST_P(IoCarrierTest, EndsWithWhatIsUnderWay) {
  std::vector<std::byte> memory(kReads << 20U);
  ASSERT_EQ(0, ftruncate(file_.get(), static_cast<off_t>(memory.size())));
  std::vector<IoRequest> requests;
  for (size_t i = 0; i < kReads; ++i)
    requests.push_back({.fd = file_.get(),
                        .offset = i << 20U,
                        .pieces = {{&memory[i << 20U], 1U << 20U}},
                        .tag = i});
  carrier_->start(std::move(requests));
  carrier_.reset();
  std::ranges::fill(memory, std::byte{0xee});
  EXPECT_TRUE(std::ranges::all_of(memory, [](std::byte b) { return b == std::byte{0xee}; }));
}

/// The kernel could not without waiting, was interrupted, or the thread that asked has ended.
TEST_F(ReadBytes, WhatTheRingGivesBackIsCarriedOutAllTheSame) {
  const std::unique_ptr<IoRing> ring = IoRing::open(3);
  if (!ring) GTEST_SKIP() << "the system forbids it";
  for (const int error : {EAGAIN, EINTR, ECANCELED}) {
    pretended = -error;
    ring->start(reads());
    std::deque<IoDone> done;
    while (done.size() < kReads) ring->collect(done, std::nullopt);
    pretended = 0;
    for (const IoDone& one : done) EXPECT_EQ(1, one.result) << error;
  }
  pretended = -EIO;
  ring->start({{.fd = file_.get(), .offset = 0, .pieces = {{bytes_.data(), 1}}, .tag = 1}});
  std::deque<IoDone> failed;
  ring->collect(failed, std::nullopt);
  pretended = 0;
  EXPECT_EQ(-EIO, failed.at(0).result);
}

INSTANTIATE_TEST_SUITE_P(Ring, IoCarrierTest, testing::Values([](size_t at_once) {
                           return std::unique_ptr<IoCarrier>(IoRing::open(at_once));
                         }));
INSTANTIATE_TEST_SUITE_P(Threads, IoCarrierTest, testing::Values([](size_t at_once) {
                           return std::unique_ptr<IoCarrier>(std::make_unique<IoThreads>(at_once));
                         }));

}  // namespace
}  // namespace bsr
