// LVM through its own programs and their JSON reports (`man lvmreport`), tried with 2.03.16.
//
// Every name is checked against LVM's rules before it becomes an argument, so none can be taken for
// an option or a pattern, and every value of a report is checked before it is believed. No question
// is ever answered for the administrator: where LVM would ask one, the action fails. Everything
// throws Error{failed} with what LVM said, and says so when root's rights are missing. Reading
// gives up with Error{interrupted} after a stop signal; an action that changes something, once
// begun, is waited for.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/process.h"

namespace bsr {

struct VolumeName {
  std::string vg, lv;

  friend bool operator==(const VolumeName&, const VolumeName&) = default;
};

/// VG/LV
[[nodiscard]] inline std::string to_string(const VolumeName& name) {
  return name.vg + '/' + name.lv;
}

/// Takes VG/LV, /dev/VG/LV and /dev/mapper/VG-LV; nullopt for everything else, and for names that
/// LVM does not allow: 1 to 127 of [a-zA-Z0-9+_.-], not starting with a hyphen, not "." or "..".
[[nodiscard]] std::optional<VolumeName> parse_volume_name(std::string_view text);

constexpr size_t kLongestName = 127;  ///< letters; for LVM and for the device mapper

/// Whether a volume of this name can be made and have a device: the device mapper's name for it has
/// both names in it, with their hyphens doubled.
[[nodiscard]] bool has_possible_length(const VolumeName& name);

/// Whether LVM takes this as a tag: 1 to 1024 of [a-zA-Z0-9_+.-/=!:&#], not starting with a hyphen.
[[nodiscard]] bool is_valid_tag(std::string_view tag);

struct LogicalVolume {
  VolumeName name;
  std::string uuid, vg_uuid;        ///< as LVM writes them: 38 characters
  std::string pool, pool_uuid;      ///< of a thin volume: the name of its pool's LV; else empty
  std::string origin, origin_uuid;  ///< of a snapshot whose origin still exists; else empty
  uint64_t size = 0;                ///< bytes
  uint64_t extent_size = 0;         ///< bytes of one PE of the VG; `size` is a multiple of it
  std::optional<uint64_t> thin_id;  ///< below 2^24; only thin volumes have one
  bool active = false;              ///< has a device on this host
  bool writable = false;            ///< by its permission in LVM's metadata
  bool open = false;                ///< the device is in use, by a mount for example
  bool activation_skip = false;
  bool is_thin = false, is_thin_pool = false;
  uint64_t chunk_size = 0;  ///< bytes; of a thin pool, and of a thin volume its pool's; else 0
  std::vector<std::string> tags;
  int64_t time = 0;  ///< of its creation, unix time; 0 when LVM does not know
  std::string path;  ///< /dev/VG/LV; empty for pools and internal volumes
};

enum class Discards {
  ignore,       ///< a discard changes nothing: what is there stays readable
  no_passdown,  ///< the pool unmaps whole chunks
  passdown,     ///< and tells its data device
};

struct ThinPool {
  VolumeName name;
  std::string uuid;
  uint64_t size = 0;        ///< bytes of its data device
  uint64_t chunk_size = 0;  ///< bytes
  Discards discards =
      Discards::ignore;  ///< what the kernel does; while inactive: will be asked for
  bool zeroes_new_chunks = false;
  bool active = false;
  uint64_t transaction_id = 0;  ///< that LVM expects the pool to be at
};

/// How a new thin volume is made. It is always made inactive: activate() when it is needed.
struct NewVolume {
  bool read_only = false;
  bool activation_skip = false;  ///< not activated at boot, nor by anything that does not insist
  std::vector<std::string> tags;
};

/// LVM on this host. Has no state of its own; each call sees what is there now.
class Lvm {
 public:
  /// How programs are run; tests put in their own.
  using Runner = std::function<Outcome(const std::vector<std::string>& argv, OnStop on_stop)>;
  explicit Lvm(Runner runner = run_to_end);

  /// nullopt when the VG has no such volume; throws when there is no such VG.
  [[nodiscard]] std::optional<LogicalVolume> find(const VolumeName& name) const;

  /// The volumes with this UUID, in whatever VG: of groups that were imported as clones
  /// (vgimportclone) each has one. What is wrong with other VGs does not matter once one is found.
  [[nodiscard]] std::vector<LogicalVolume> find_uuid(const std::string& uuid) const;

  /// Of all volumes on this host, whatever their VG.
  [[nodiscard]] std::vector<std::string> uuids() const;

  enum class Internal { left_out, included };
  /// All volumes of a VG; internal ones such as pool_tmeta only when asked for.
  [[nodiscard]] std::vector<LogicalVolume> list(const std::string& vg,
                                                Internal internal = Internal::left_out) const;

  /// Throws also when it is not a thin pool.
  [[nodiscard]] ThinPool thin_pool(const VolumeName& name) const;

  /// Whether LVM has yet to tell the pool to make or delete thin devices, which it does before it
  /// makes the next volume there. Until then the pool's own transaction is one behind. LVM is left
  /// so when it was refused something: no report says it, only a backup of the group's metadata.
  [[nodiscard]] bool has_queued_messages(const VolumeName& pool) const;

  /// Percent of a pool's room above which LVM makes no snapshot in it.
  [[nodiscard]] unsigned autoextend_threshold() const;

  /// Makes the volume's device, also against its activation skip flag. Whether it can be written is
  /// up to the volume's permission: LVM has no read-only activation of thin volumes that works.
  void activate(const VolumeName& name) const;

  /// Fails when the device is in use.
  void deactivate(const VolumeName& name) const;

  /// An empty thin volume of `bytes`, rounded up to whole PEs.
  void create_thin(const VolumeName& pool, const std::string& name, uint64_t bytes,
                   const NewVolume& how) const;

  /// A thin snapshot of the thin volume `origin`, with its tags and flags, in one LVM transaction:
  /// after a crash it is there with all of them or not at all. LVM suspends the origin for the
  /// instant. The origin should be active: when the pool refuses, LVM takes all back then. Of an
  /// inactive one it remembers to delete what has the number in the pool that the snapshot was to
  /// get, whoever's that is (lib/metadata/lv_manip.c, _lv_create_an_lv; seen with 2.03.16).
  void snapshot(const VolumeName& origin, const std::string& name, const NewVolume& how) const;

  /// Adding a tag that is there, or removing one that is not, changes nothing.
  void add_tag(const VolumeName& name, const std::string& tag) const;
  void remove_tag(const VolumeName& name, const std::string& tag) const;

  /// Sets the size, rounded up to whole PEs, and touches no file system. What lies behind a smaller
  /// end is lost.
  void resize(const VolumeName& name, uint64_t bytes) const;

  /// Makes what was changed in a VG durable: LVM writes its own metadata without ever flushing it
  /// (seen with 2.03.16), so a disk's write cache could lose it with the power.
  void flush(const std::string& vg) const;

  /// In its VG.
  void rename(const VolumeName& name, const std::string& new_name) const;

  /// The volume must be inactive.
  void remove(const VolumeName& name) const;

 private:
  std::string call(const std::vector<std::string>& argv, OnStop on_stop) const;
  [[nodiscard]] Outcome ask(const std::vector<std::string>& arguments) const;
  [[nodiscard]] std::string report(const std::vector<std::string>& arguments) const;
  void change(std::vector<std::string> argv) const;

  Runner runner_;
};

}  // namespace bsr
