// The queue between threads: order, bound, and that closing lets everybody go.
#include "base/bounded_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <thread>
#include <vector>

namespace bsr {
namespace {

using namespace std::chrono_literals;

// Long enough that a thread which does not wait where it should would be seen.
constexpr auto kMoment = 20ms;

TEST(BoundedQueue, KeepsTheOrder) {
  BoundedQueue<int> queue(3);
  for (const int i : {1, 2, 3}) EXPECT_TRUE(queue.push(i));
  for (const int i : {1, 2, 3}) EXPECT_EQ(i, queue.pop());
}

TEST(BoundedQueue, TakesThingsThatCanOnlyBeMoved) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  EXPECT_TRUE(queue.push(std::make_unique<int>(7)));
  EXPECT_EQ(7, **queue.pop());
}

TEST(BoundedQueue, PushWaitsWhileItIsFull) {
  BoundedQueue<int> queue(1);
  ASSERT_TRUE(queue.push(1));
  std::atomic<bool> pushed = false;
  std::thread writer([&] {
    EXPECT_TRUE(queue.push(2));
    pushed = true;
  });
  std::this_thread::sleep_for(kMoment);
  EXPECT_FALSE(pushed);

  EXPECT_EQ(1, queue.pop());
  EXPECT_EQ(2, queue.pop());
  writer.join();
  EXPECT_TRUE(pushed);
}

TEST(BoundedQueue, PopWaitsWhileItIsEmpty) {
  BoundedQueue<int> queue(1);
  std::atomic<bool> popped = false;
  std::thread reader([&] {
    EXPECT_EQ(1, queue.pop());
    popped = true;
  });
  std::this_thread::sleep_for(kMoment);
  EXPECT_FALSE(popped);

  EXPECT_TRUE(queue.push(1));
  reader.join();
  EXPECT_TRUE(popped);
}

TEST(BoundedQueue, IsDrainedAfterClosingAndThenSaysSo) {
  BoundedQueue<int> queue(2);
  ASSERT_TRUE(queue.push(1));
  ASSERT_TRUE(queue.push(2));
  queue.close();

  EXPECT_EQ(1, queue.pop());
  EXPECT_EQ(2, queue.pop());
  EXPECT_EQ(std::nullopt, queue.pop());
  EXPECT_EQ(std::nullopt, queue.pop());
}

TEST(BoundedQueue, RefusesItemsAfterClosing) {
  BoundedQueue<int> queue(1);
  queue.close();
  queue.close();  // again is harmless

  EXPECT_FALSE(queue.push(1));
  EXPECT_EQ(std::nullopt, queue.pop());
}

TEST(BoundedQueue, ClosingWakesEveryReaderThatWaits) {
  BoundedQueue<int> queue(1);
  std::vector<std::thread> readers;
  for (int i = 0; i < 4; ++i) readers.emplace_back([&] { EXPECT_EQ(std::nullopt, queue.pop()); });
  std::this_thread::sleep_for(kMoment);

  queue.close();
  for (std::thread& reader : readers) reader.join();
}

TEST(BoundedQueue, ClosingWakesEveryWriterThatWaitsAndDropsItsItem) {
  BoundedQueue<int> queue(1);
  ASSERT_TRUE(queue.push(0));
  std::vector<std::thread> writers;
  for (int i = 1; i <= 4; ++i) writers.emplace_back([&, i] { EXPECT_FALSE(queue.push(i)); });
  std::this_thread::sleep_for(kMoment);

  queue.close();
  for (std::thread& writer : writers) writer.join();
  EXPECT_EQ(0, queue.pop());
  EXPECT_EQ(std::nullopt, queue.pop());
}

TEST(BoundedQueue, ManyThreadsLoseAndRepeatNothing) {
  constexpr int kWriters = 4;
  constexpr int kItems = 1000;
  BoundedQueue<int> queue(3);
  std::vector<std::atomic<int>> seen(kWriters * kItems);
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      while (const std::optional<int> item = queue.pop()) ++seen[static_cast<size_t>(*item)];
    });
  }
  std::vector<std::thread> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    writers.emplace_back([&, writer] {
      for (int i = 0; i < kItems; ++i) EXPECT_TRUE(queue.push(writer * kItems + i));
    });
  }
  for (std::thread& writer : writers) writer.join();
  queue.close();
  for (std::thread& reader : readers) reader.join();

  for (const std::atomic<int>& count : seen) EXPECT_EQ(1, count);
}

TEST(CloseOnExit, LetsAWaitingThreadGoWhenAnExceptionLeavesTheScope) {
  BoundedQueue<int> empty(1);
  BoundedQueue<int> full(1);
  ASSERT_TRUE(full.push(0));
  std::thread reader;
  std::thread writer;
  try {
    const CloseOnExit close(empty, full);
    reader = std::thread([&] { EXPECT_EQ(std::nullopt, empty.pop()); });
    writer = std::thread([&] { EXPECT_FALSE(full.push(1)); });
    throw std::runtime_error("on the way");
  } catch (const std::runtime_error&) {
  }
  reader.join();
  writer.join();
}

}  // namespace
}  // namespace bsr
