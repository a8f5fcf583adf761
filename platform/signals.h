// Signals as flags that loops look at. No work happens in a handler; what a program holds is
// released by destructors after throw_if_stopped() has thrown.
#pragma once

namespace bsr {

/// SIGINT, SIGTERM and SIGHUP ask for the end, SIGUSR1 for a line of status, SIGPIPE is ignored:
/// writing to a pipe without a reader fails with EPIPE. A SIGHUP that is ignored on entry stays so
/// (nohup). A second SIGINT or SIGTERM ends the process at once with status 128 + its number; one
/// within half a second of the first is taken for the same wish, because timeout(1) and service
/// managers signal the process and then its group. Call it once, first in main, before there are
/// threads. Throws Error{failed}.
void install_signal_handlers();

/// The number of the first signal that asked for the end; 0 while none did. Stays 0 without
/// install_signal_handlers().
[[nodiscard]] int stop_signal() noexcept;

/// Throws Error{interrupted} once a signal asked for the end. Code that releases what it holds must
/// not call it.
void throw_if_stopped();

/// True once after each SIGUSR1, or after several between two calls.
[[nodiscard]] bool take_status_request() noexcept;

}  // namespace bsr
