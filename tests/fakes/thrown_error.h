// What a call throws, as a value to compare.
#pragma once

#include <optional>
#include <string>

#include "base/error.h"

namespace bsr {

/// nullopt: the call returned. Exceptions that are no Error pass through.
template <typename Call>
std::optional<Error> error_thrown_by(Call&& call) {
  try {
    call();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

template <typename Call>
std::optional<ErrorKind> kind_thrown_by(Call&& call) {
  const std::optional<Error> error = error_thrown_by(call);
  return error ? std::optional(error->kind()) : std::nullopt;
}

}  // namespace bsr
