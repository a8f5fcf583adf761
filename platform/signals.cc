// Handlers that set flags. The flags are the one kind of global there must be: a handler is given
// nothing else.
#include "platform/signals.h"

#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <ctime>

#include "base/error.h"

namespace bsr {
namespace {

constexpr int64_t kSameWishNanoseconds = 500'000'000;

std::atomic<int> stop_number{0};
std::atomic<int64_t> first_stop_time{
    0};  // CLOCK_MONOTONIC in nanoseconds; 0: no SIGINT or SIGTERM yet
std::atomic<bool> status_wanted{false};
static_assert(std::atomic<int64_t>::is_always_lock_free, "handlers may use lock-free atomics only");

int64_t now() noexcept {
  timespec time{};
  clock_gettime(CLOCK_MONOTONIC, &time);  // async-signal-safe
  return int64_t{time.tv_sec} * 1'000'000'000 + time.tv_nsec;
}

void remember(int number) noexcept {
  int none = 0;
  stop_number.compare_exchange_strong(none, number);
}

extern "C" void on_hangup(int number) { remember(number); }

extern "C" void on_stop(int number) {
  const int saved_errno = errno;
  remember(number);
  const int64_t time = now();
  int64_t first = 0;
  if (!first_stop_time.compare_exchange_strong(first, time) && time - first > kSameWishNanoseconds)
    _exit(128 + number);
  errno = saved_errno;
}

extern "C" void on_status(int) { status_wanted.store(true); }

void handle(int number, void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  sigemptyset(&action.sa_mask);
  action.sa_flags = SA_RESTART;  // loops look at the flag; nothing else should see EINTR
  if (sigaction(number, &action, nullptr) != 0) fail_errno(errno, "setting a signal handler");
}

bool is_ignored(int number) {
  struct sigaction action {};
  return sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

void install_signal_handlers() {
  handle(SIGINT, on_stop);
  handle(SIGTERM, on_stop);
  if (!is_ignored(SIGHUP)) handle(SIGHUP, on_hangup);
  handle(SIGUSR1, on_status);
  handle(SIGPIPE, SIG_IGN);
  handle(SIGXFSZ, SIG_IGN);  // a limit on file sizes is an error like a full disk
  handle(SIGCHLD, SIG_DFL);  // a parent that ignored it would cost us every exit status
  sigset_t ours;
  sigemptyset(&ours);
  for (const int number : std::array{SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD})
    sigaddset(&ours, number);
  if (sigprocmask(SIG_UNBLOCK, &ours, nullptr) != 0) fail_errno(errno, "unblocking signals");
}

int stop_signal() noexcept { return stop_number.load(); }

void throw_if_stopped() {
  const int number = stop_signal();
  if (number == 0) return;
  fail(ErrorKind::interrupted, "stopped by signal {} (SIG{})", number, sigabbrev_np(number));
}

bool take_status_request() noexcept { return status_wanted.exchange(false); }

}  // namespace bsr
