// What every main() does around its one story function.
#pragma once

#include <functional>
#include <string_view>

#include "base/error.h"

namespace bsr {

/// Runs `story` with signal handlers in place and turns what it throws into a message on standard
/// error and an exit status. `on_error` sees the error and the status too, for machine-readable
/// reports.
int run_program(std::string_view name, const std::function<int()>& story,
                const std::function<void(const Error&, int status)>& on_error = {});

/// Reports as run_program() would, from whatever thread, and ends the process without unwinding
/// anything.
[[noreturn]] void end_at_once(const Error& error);

}  // namespace bsr
