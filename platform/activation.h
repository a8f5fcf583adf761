// Volumes that are active for as long as somebody needs them, also when that somebody is killed.
//
// What a process activates it notes first, in a file that it keeps locked while it needs the
// volume: /run/bsr/active-UUID. Processes that need the same volume share file and lock, and the
// last one deactivates. The kernel lets go of a lock however its holder ends, so a file that nobody
// has locked is what a killed process left, and the next session puts its volume back. The files
// are in memory like the activations themselves.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "platform/device_mapper.h"
#include "platform/file_lock.h"
#include "platform/lvm.h"
#include "platform/unique_fd.h"

namespace bsr {

/// Where notes are, and how the kernel is asked; tests put in their own.
struct ActivationPlace {
  std::string folder = kLockFolder;
  std::function<bool(const std::string& device)> has_device = device_exists;
};

/// Activates an inactive volume, against its activation skip flag too, and deactivates it again;
/// leaves a volume alone that somebody else made active. Snapshots that stay active make LVM wait
/// for them when it should not.
class Activation {
 public:
  Activation(const Lvm& lvm, const LogicalVolume& volume, ActivationPlace place = {});
  Activation(const Activation&) = delete;
  Activation& operator=(const Activation&) = delete;
  ~Activation();

  /// Puts the volume back as it was, unless another session of ours still needs it, and throws when
  /// that fails: then the next session does it. Its device must be closed.
  void release();

  /// The same for a volume that others may look at: that it is in use is said on standard error
  /// only.
  void release_unless_in_use();

 private:
  void activate(int folder, bool noted);

  Lvm lvm_;
  LogicalVolume volume_;
  ActivationPlace place_;
  UniqueFd note_;  // locked; empty: nothing is to be put back
};

/// Deactivates what sessions left active that were killed, and returns the names. What somebody has
/// open stays for the next session, and so does what LVM does not deactivate.
std::vector<std::string> put_back_abandoned(const Lvm& lvm, const ActivationPlace& place = {});

/// The same, and says so on standard error. A failure is no reason to end: it is said, too.
void put_back_abandoned_and_say(const Lvm& lvm);

}  // namespace bsr
