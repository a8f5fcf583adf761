// The record bsr keeps of the metadata snapshot it reserved in a thin pool, named by the pool's
// UUID like the pool's lock.
//
// A record must outlive us and the host's next boot, because a metadata snapshot does: hence a
// folder on disk. A lock ends with its process: hence one in memory.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include "platform/file_lock.h"
#include "platform/unique_fd.h"

namespace bsr {

/// Where the files are. A folder that is missing is made, for its owner only; one that others can
/// write is refused.
struct PoolFolders {
  std::string locks = kLockFolder;
  std::string records = "/var/lib/bsr";
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
