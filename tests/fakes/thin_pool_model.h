// What dm-thin does with devices, mappings and data blocks, small enough to be seen through: for
// random histories of which the truth is known.
#pragma once

#include <map>
#include <set>

#include "tests/fakes/thin_metadata_image.h"

namespace bsr {

/// A pool. What a block holds is a number, 0 where nothing is mapped.
class ThinPoolModel {
 public:
  using Content = std::map<uint64_t, uint64_t>;  // thin block to what it holds, which is not 0

  void create_thin(uint64_t id) { devices_[id] = {transaction_, time_, time_, {}}; }

  void create_snap(uint64_t id, uint64_t origin) {
    ++time_;
    devices_.at(origin).snapshotted = time_;
    devices_[id] = {transaction_, time_, time_, devices_.at(origin).mappings};
  }

  void remove(uint64_t id) { devices_.erase(id); }

  /// What LVM does between two messages to the pool.
  void next_transaction() { ++transaction_; }

  /// A write to a mapping that is older than the device's last snapshot gets a new block, any other
  /// stays in place.
  void write(uint64_t id, uint64_t block, uint64_t content) {
    Device& device = devices_.at(id);
    const auto found = device.mappings.find(block);
    if (found == device.mappings.end() || found->second.time < device.snapshotted) {
      device.mappings.erase(block);
      device.mappings[block] = {free_block(), time_};
    }
    content_[device.mappings.at(block).data_block] = content;
  }

  void discard(uint64_t id, uint64_t block) { devices_.at(id).mappings.erase(block); }

  [[nodiscard]] bool has(uint64_t id) const { return devices_.contains(id); }
  [[nodiscard]] std::vector<uint64_t> ids() const {
    std::vector<uint64_t> ids;
    for (const auto& [id, device] : devices_) ids.push_back(id);
    return ids;
  }
  [[nodiscard]] Content content(uint64_t id) const {
    Content content;
    for (const auto& [block, mapping] : devices_.at(id).mappings)
      content[block] = content_.at(mapping.data_block);
    return content;
  }

  /// The pool's metadata. `moved`: as after a repair, every data block is written down as another.
  [[nodiscard]] ThinMetadataBuilder metadata(ThinMetadataBuilder::Shape shape,
                                             bool moved = false) const {
    ThinMetadataBuilder builder(shape);
    for (const auto& [id, device] : devices_) {
      MappingValues values;
      for (const auto& [block, mapping] : device.mappings)
        values[block] = mapping_value(mapping.data_block + (moved ? 1000 : 0), mapping.time);
      builder.device({id, values.size(), device.transaction, device.created, device.snapshotted},
                     values);
    }
    return builder;
  }

 private:
  struct Mapping {
    uint64_t data_block;
    uint32_t time;
  };
  struct Device {
    uint64_t transaction;
    uint32_t created;
    uint32_t snapshotted;
    std::map<uint64_t, Mapping> mappings;
  };

  /// The lowest: what is freed is soon used again.
  [[nodiscard]] uint64_t free_block() const {
    std::set<uint64_t> used;
    for (const auto& [id, device] : devices_)
      for (const auto& [block, mapping] : device.mappings) used.insert(mapping.data_block);
    uint64_t free = 0;
    while (used.contains(free)) ++free;
    return free;
  }

  std::map<uint64_t, Device> devices_;
  std::map<uint64_t, uint64_t> content_;  // by data block
  uint32_t time_ = 0;
  uint64_t transaction_ = 0;
};

}  // namespace bsr
