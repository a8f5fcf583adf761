// Work that many threads do, taken in the order in which it was found.
#pragma once

#include <future>
#include <optional>
#include <thread>
#include <vector>

#include "base/bounded_queue.h"

namespace bsr {

/// `produce`, called from one thread, yields std::optional<std::packaged_task<Result()>> until
/// there is no more; `workers` threads run these; `consume`, called from the calling thread, takes
/// each Result in the order in which its task was produced. About 2 x workers tasks are in memory.
/// workers == 0 does everything in the calling thread. The first failure, wherever it happens, is
/// thrown here after all threads have ended.
template <typename Result, typename Produce, typename Consume>
void work_in_order(unsigned workers, Produce&& produce, Consume&& consume) {
  using Task = std::packaged_task<Result()>;
  if (workers == 0) {
    while (std::optional<Task> task = produce()) {
      (*task)();
      consume(task->get_future().get());
    }
    return;
  }

  // Order and failures travel in one queue of futures: a failure is rethrown where its result is
  // awaited.
  BoundedQueue<Task> work(workers + 1);
  BoundedQueue<std::future<Result>> in_order(workers + 1);
  std::jthread producer;
  std::vector<std::jthread> threads;
  const CloseOnExit stop(work, in_order);  // also when the system has not as many threads
  producer = std::jthread([&] {
    try {
      while (std::optional<Task> task = produce())
        if (!in_order.push(task->get_future()) || !work.push(std::move(*task))) break;
    } catch (...) {
      std::promise<Result> failed;
      failed.set_exception(std::current_exception());
      in_order.push(failed.get_future());
    }
    work.close();
    in_order.close();
  });
  for (unsigned i = 0; i < workers; ++i)
    threads.emplace_back([&] {
      while (std::optional<Task> task = work.pop()) (*task)();
    });

  while (std::optional<std::future<Result>> future = in_order.pop()) consume(future->get());
}

}  // namespace bsr
