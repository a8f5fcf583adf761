// The one exception type of the project, and what each kind of failure means to a caller.
#pragma once

#include <fmt/format.h>

#include <exception>
#include <string>
#include <string_view>

namespace bsr {

/// Decides the exit code, and whether trying again can help; the text is for people only.
enum class ErrorKind {
  failed,       ///< unclassified failure
  usage,        ///< bad arguments, or a terminal where a stream is expected
  busy,         ///< somebody else holds what is needed; trying again helps
  truncated,    ///< the stream ended early
  corrupt,      ///< checksum or format error
  base,         ///< the target does not hold what the stream applies to
  diverged,     ///< the target was changed since its base
  no_space,     ///< no room, or there would be none
  peer,         ///< the other end of the pipe is gone
  verify,       ///< two results that must agree do not
  unsupported,  ///< a feature or version this program does not know
  interrupted,  ///< a signal asked for the end
};

class Error : public std::exception {
 public:
  Error(ErrorKind kind, std::string text) : kind_(kind), text_(std::move(text)) {}

  [[nodiscard]] ErrorKind kind() const noexcept { return kind_; }
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

  /// Puts what was being done in front of the text; once per layer, from the inside out.
  void while_doing(std::string_view activity);

 private:
  ErrorKind kind_;
  std::string text_;
};

/// Throws Error{kind} with a formatted text.
template <typename... Args>
[[noreturn]] void fail(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  throw Error(kind, fmt::format(format, std::forward<Args>(args)...));
}

/// Throws for a failed system call: `activity` plus the system's text for `number`. ENOSPC and
/// EDQUOT become no_space, EPIPE and ECONNRESET peer, EBUSY busy, everything else failed.
[[noreturn]] void fail_errno(int number, std::string_view activity);

/// What was caught, for whoever reports it or hands it to another thread. Throws on what is no
/// std::exception.
[[nodiscard]] Error as_error(const std::exception_ptr& caught);

/// The process exit status for a failure of this kind (the table of the manual pages). For
/// `interrupted` it is 130; a main that knows the signal uses 128 + its number instead.
[[nodiscard]] int exit_code(ErrorKind kind) noexcept;

/// The id of the kind in machine-readable output, such as "truncated".
[[nodiscard]] std::string_view id(ErrorKind kind) noexcept;

}  // namespace bsr
