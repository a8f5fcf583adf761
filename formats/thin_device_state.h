// Whether a thin device is still what it was: a number for all that its metadata can say of that.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>

#include "formats/delta.h"
#include "formats/digest.h"
#include "formats/thin_metadata.h"

namespace bsr {

// What the kernel does (Linux, drivers/md/dm-thin-metadata.c and dm-thin.c), and what follows:
//
// A mapping carries the pool's time at which it was made, and making a snapshot first moves that
// time on. So what a snapshot inherits is older than it, and what was written into it afterwards
// has a mapping that is not: an *own* mapping. An inherited block is never changed in place; a
// write makes the mapping an own one, a discard takes it away. An own block may be rewritten in
// place, which leaves no trace at all, as long as no snapshot shares it. An inherited mapping never
// comes back. So where device, number of mappings and places of own mappings are the same, the
// inherited mappings are too, and whatever may have changed is the content of the own ones.

/// The state of a device.
struct ThinDeviceState {
  /// Stands for device, number of mappings and places of own mappings. Not for what is no change: a
  /// snapshot that somebody makes of the device, the metadata blocks in which it is written down
  /// (`lvconvert --repair` and thin_restore write others), and its size in LVM.
  SourceState state{};
  uint64_t mapped_blocks = 0;
  uint64_t own_blocks = 0;  ///< 0: it holds what it held when it was made, less what was discarded

  friend bool operator==(const ThinDeviceState&, const ThinDeviceState&) = default;
};

/// Finds the state from own mappings as walks meet them.
class OwnMappings {
 public:
  /// Throws Error{failed} when the pool has no such device.
  OwnMappings(const ThinMetadata& metadata, uint64_t thin_id);

  /// Whether a snapshot was ever made of the device. Only then another one can share own mappings
  /// of it, and subtrees that hold some.
  [[nodiscard]] bool may_be_shared() const {
    return device_.snapshotted_time > device_.creation_time;
  }

  /// Whether a mapping of this time is an own one.
  [[nodiscard]] bool is_own(uint32_t time) const { return time >= device_.creation_time; }

  /// An own mapping. They ascend; a block that two walks met may come twice.
  void add(uint64_t thin_block);

  /// All of them came.
  [[nodiscard]] ThinDeviceState finish();  ///< once

 private:
  void end_run();

  ThinDevice device_;
  Sha256 sha_;
  uint64_t run_begin_ = 0;  // thin blocks that follow each other
  uint64_t run_end_ = 0;
  uint64_t own_blocks_ = 0;
};

/// Own mappings of one device that overlap [begin, end) in bytes, as data, whole chunks. Reads the
/// whole tree there, whoever shares it. Throws as full_tree_delta() does.
[[nodiscard]] std::unique_ptr<DeltaSource> own_mappings(const ThinMetadata& metadata,
                                                        uint64_t thin_id, uint64_t begin,
                                                        uint64_t end);

/// The state of one device alone, from its whole tree. Throws as full_tree_delta() does.
[[nodiscard]] ThinDeviceState device_state(const ThinMetadata& metadata, uint64_t thin_id);

}  // namespace bsr
