// Who says what changed between two snapshots of a pool, and the one way to ask.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "formats/delta.h"
#include "formats/thin_device_state.h"
#include "formats/thin_metadata.h"

namespace bsr {

enum class DeltaEngine {
  native,      ///< our reader of the metadata, which does not read what the two share
  thin_tools,  ///< thin_delta and thin_dump: the reference
  check,       ///< both, and Error{verify} where they differ
};

/// Where the mappings are read.
struct MappingPlace {
  std::string metadata_path;  ///< file or device
  /// The pool is in use: read its metadata snapshot, which the caller holds.
  bool metadata_snapshot = false;
  /// The same, opened already, so that nothing is read twice; outlives the source.
  const ThinMetadata* opened = nullptr;
};

/// The states of what a delta is between, in the metadata that it was read from.
struct SourceStates {
  std::optional<ThinDeviceState> base;
  ThinDeviceState target;
};

/// Yields the extents that turn the base into the target, cut to the sizes of the two: below the
/// smaller one what differs, from the base's size on everything that the target maps, shared or
/// not, and nothing from the target's size on. Without a base, everything that the target maps.
/// Sizes are bytes; metadata with another chunk size is refused. Throws, as does the source's
/// next(): Error{failed} when there is no such device, no metadata snapshot or no such program,
/// {corrupt} for damaged metadata, {verify} as above. `states`, where given, are filled in when the
/// source has come to its end, and then the extents turn the base as it was whenever it had this
/// state into the target (tree_delta() with `own`). They are always from our own walk.
[[nodiscard]] std::unique_ptr<DeltaSource> open_delta(DeltaEngine engine, const MappingPlace& place,
                                                      std::optional<uint64_t> base_thin_id,
                                                      uint64_t target_thin_id, uint64_t chunk_size,
                                                      uint64_t base_size, uint64_t target_size,
                                                      SourceStates* states = nullptr);

/// What a device got after it was made (own_mappings()), below `end` bytes, cut there. Throws as
/// open_delta() does.
[[nodiscard]] std::unique_ptr<DeltaSource> open_own_mappings(const MappingPlace& place,
                                                             uint64_t thin_id, uint64_t end);

}  // namespace bsr
