// Locks between the processes of this host, by name.
#pragma once

#include <chrono>
#include <string>

#include "platform/process.h"
#include "platform/unique_fd.h"

namespace bsr {

/// Opens a folder for our own files; a missing one is made, for its owner only. Throws
/// Error{failed} when others could put their own files into it.
[[nodiscard]] UniqueFd open_private_folder(const std::string& path);

constexpr const char* kLockFolder =
    "/run/bsr";  // in memory: a lock ends with its process, so with the host too

/// An exclusive lock: a file that stays. The kernel lets go of it however its holder ends; children
/// do not inherit it.
class FileLock {
 public:
  /// Waits at most until `deadline`. Throws Error{busy} that says that `what` is in use and names
  /// the process that has it, Error{interrupted} after a stop signal as `on_stop` says,
  /// Error{failed} for what is wrong with folder or file.
  FileLock(const std::string& folder, const std::string& name, const std::string& what,
           std::chrono::steady_clock::time_point deadline, OnStop on_stop = OnStop::give_up);

  void release() noexcept { file_.reset(); }

 private:
  UniqueFd file_;
};

}  // namespace bsr
