// The two small files bsr keeps for each thin pool it reads: a lock, and a record of the metadata
// snapshot it reserved. Both are named by the pool's UUID.
//
// A record must outlive us and the host's next boot, because a metadata snapshot does: hence a
// folder on disk. A lock ends with its process: hence one in memory.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "platform/unique_fd.h"

namespace bsr {

/// Where the files are. A folder that is missing is made, for its owner only; one that others can
/// write is refused.
struct PoolFolders {
  std::string locks = "/run/bsr";
  std::string records = "/var/lib/bsr";
};

/// Held by one process per pool and host. The kernel lets go of it however the process ends;
/// children do not inherit it.
class PoolLock {
 public:
  /// Waits at most until `deadline`. Throws Error{busy} that names the process that has it,
  /// Error{interrupted} after a stop signal, Error{failed} for what is wrong with folder or file.
  /// `pool_name` is for messages.
  PoolLock(const std::string& folder, const std::string& pool_uuid, const std::string& pool_name,
           std::chrono::steady_clock::time_point deadline);

  void release() noexcept { file_.reset(); }

 private:
  UniqueFd file_;
};

/// Names a process for ever: numbers are reused, but not with the same start in the same boot.
struct ProcessIdentity {
  pid_t pid = 0;
  uint64_t start = 0;  ///< clock ticks from boot to its start
  std::string boot_id;

  [[nodiscard]] static ProcessIdentity ours();

  /// False only when that is certain.
  [[nodiscard]] bool may_be_alive() const;

  friend bool operator==(const ProcessIdentity&, const ProcessIdentity&) = default;
};

/// What a process notes about its metadata snapshot of a pool.
struct PoolRecord {
  ProcessIdentity owner;
  std::optional<uint64_t> held_root;  ///< nothing: it was about to reserve
};

/// The record of one pool, to be used under the pool's lock.
class PoolRecordFile {
 public:
  /// Touches nothing yet.
  PoolRecordFile(std::string folder, std::string pool_uuid);

  /// nullopt when there is none, or none that can be understood.
  [[nodiscard]] std::optional<PoolRecord> read() const;

  /// Notes that this process is about to reserve; durable when it returns. Throws Error when it
  /// cannot.
  void write_intent();

  /// Adds the block of the metadata snapshot to the intent. Survives the end of this process at
  /// once, but not at once a power cut: then the intent is found.
  void write_held(uint64_t held_root);

  /// Without a record there is nothing of ours in the pool. A failure only leaves a record that is
  /// recognized as outdated later.
  void remove() noexcept;

 private:
  std::string folder_, name_;
  UniqueFd file_;
};

}  // namespace bsr
