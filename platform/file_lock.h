// Locks between processes of this host, by name.
#pragma once

#include <string>

#include "platform/unique_fd.h"

namespace bsr {

/// An exclusive lock, a file in /run/bsr that stays; the kernel drops the lock when its holder
/// ends, however it ends.
class FileLock {
 public:
  /// `name`: of [a-zA-Z0-9+_.-]. Throws Error{busy}, beginning with `who_is_busy` and naming the
  /// holder's pid, when the lock is held.
  FileLock(const std::string& name, const std::string& who_is_busy);

 private:
  UniqueFd fd_;
};

}  // namespace bsr
