// A volume that is active for as long as somebody needs it.
#pragma once

#include "platform/lvm.h"

namespace bsr {

/// Activates an inactive volume, against its activation skip flag too, and deactivates it again;
/// leaves a volume alone that was active before. Snapshots that stay active make LVM wait for them
/// when it should not.
class Activation {
 public:
  Activation(const Lvm& lvm, const LogicalVolume& volume)
      : lvm_(lvm), name_(volume.name), ours_(!volume.active) {
    if (ours_) lvm_.activate(name_);
  }
  Activation(const Activation&) = delete;
  Activation& operator=(const Activation&) = delete;
  ~Activation() {
    try {
      release();
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): the failure that brought us
                                       // here counts more
    }
  }

  /// Puts the volume back as it was, and throws when that fails. Its device must be closed.
  void release() {
    if (!ours_) return;
    ours_ = false;
    lvm_.deactivate(name_);
  }

 private:
  Lvm lvm_;
  VolumeName name_;
  bool ours_;
};

}  // namespace bsr
