// Content maps that are kept from one session to the next, so that only what changed is read again.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "formats/frame.h"
#include "platform/content_map.h"

namespace bsr {

/// The name of a map: of a volume, and where that may be written to, of the state in which it was.
[[nodiscard]] std::string map_name(const std::string& uuid, const SourceState& state);

/// A folder of maps, each named by the UUID of the logical volume that it is of, or by map_name().
/// They are hints: a map that is missing or damaged costs the time to read the volume.
class ContentStore {
 public:
  static constexpr const char* kFolder = "/var/lib/bsr/content";

  /// Touches nothing yet. The folder is made when something is kept, for its owner only.
  explicit ContentStore(std::string folder = kFolder) : folder_(std::move(folder)) {}

  /// Of a volume with this size; nullopt when there is none that can be used. Throws
  /// Error{interrupted}.
  [[nodiscard]] std::optional<ContentMap> find(const std::string& name, uint64_t volume_size) const;

  void remove(const std::string& name) const noexcept;

  /// Removes all maps but those of the volumes that `living` names; it is asked after the folder
  /// was looked at, so that a map of a new volume stays.
  void remove_all_but(const std::function<std::vector<std::string>()>& living) const;

 private:
  friend class ContentDraft;
  [[nodiscard]] UniqueFd open_folder() const;

  std::string folder_;
};

/// A map that is being made, without a name until it is kept. What fails meanwhile is only told by
/// keep(), since the session can do without.
class ContentDraft {
 public:
  explicit ContentDraft(const ContentStore& store) noexcept;

  void add(const Digest& leaf) noexcept;
  void add_zeros(uint64_t count) noexcept;
  void finish(const ContentMapHeader& header) noexcept;

  /// The only map of its volume from now on; durable when it returns. Throws what went wrong.
  void keep(const std::string& name);

 private:
  template <typename Step>
  void attempt(const Step& step) noexcept;

  UniqueFd folder_;
  UniqueFd file_;
  std::optional<ContentMapWriter> writer_;
  std::exception_ptr failure_;
};

}  // namespace bsr
