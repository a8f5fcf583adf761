// A generation that is there already, to be read and compared with.
#pragma once

#include "bsr-recv/generations.h"
#include "platform/activation.h"
#include "platform/extent_spool.h"
#include "platform/file_reads.h"

namespace bsr {

/// Active for as long as the object lives.
class HeldGeneration {
 public:
  HeldGeneration(const Lvm& lvm, const Generation& generation);

  [[nodiscard]] VolumeReader& volume() { return volume_; }

  /// What it maps, of which all else reads as zeros. Once.
  [[nodiscard]] DeltaSource& mapped() { return reader_; }

 private:
  Activation activation_;  // first: the device is closed before the volume is deactivated
  ExtentSpool mapped_;
  ExtentSpool::Reader reader_;
  BlockReader volume_;
};

}  // namespace bsr
