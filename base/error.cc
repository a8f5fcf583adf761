// Where kinds of failure become exit codes, ids and texts.
#include "base/error.h"

#include <cerrno>
#include <new>
#include <system_error>

namespace bsr {

void Error::while_doing(std::string_view activity) {
  text_ = fmt::format("{}: {}", activity, text_);
}

void fail_errno(int number, std::string_view activity) {
  ErrorKind kind = ErrorKind::failed;
  if (number == ENOSPC || number == EDQUOT || number == EFBIG) kind = ErrorKind::no_space;
  if (number == EPIPE || number == ECONNRESET) kind = ErrorKind::peer;
  if (number == EBUSY) kind = ErrorKind::busy;
  fail(kind, "{}: {}", activity, std::generic_category().message(number));
}

Error as_error(const std::exception_ptr& caught) {
  try {
    std::rethrow_exception(caught);
  } catch (const Error& error) {
    return error;
  } catch (const std::bad_alloc&) {
    return {ErrorKind::failed, "out of memory"};
  } catch (const std::exception& error) {
    return {ErrorKind::failed, fmt::format("internal error: {}", error.what())};
  }
}

int exit_code(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::failed:
      return 1;
    case ErrorKind::usage:
      return 2;
    case ErrorKind::busy:
      return 10;
    case ErrorKind::truncated:
      return 11;
    case ErrorKind::corrupt:
      return 12;
    case ErrorKind::base:
      return 13;
    case ErrorKind::diverged:
      return 14;
    case ErrorKind::no_space:
      return 15;
    case ErrorKind::peer:
      return 16;
    case ErrorKind::verify:
      return 18;
    case ErrorKind::unsupported:
      return 20;
    case ErrorKind::interrupted:
      return 130;
  }
  return 1;
}

std::string_view id(ErrorKind kind) noexcept {
  switch (kind) {
    case ErrorKind::failed:
      return "failed";
    case ErrorKind::usage:
      return "usage";
    case ErrorKind::busy:
      return "busy";
    case ErrorKind::truncated:
      return "truncated";
    case ErrorKind::corrupt:
      return "corrupt";
    case ErrorKind::base:
      return "base";
    case ErrorKind::diverged:
      return "diverged";
    case ErrorKind::no_space:
      return "nospace";
    case ErrorKind::peer:
      return "peer";
    case ErrorKind::verify:
      return "verify";
    case ErrorKind::unsupported:
      return "unsupported";
    case ErrorKind::interrupted:
      return "signal";
  }
  return "failed";
}

}  // namespace bsr
