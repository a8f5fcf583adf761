#include "bsr-recv/generations.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <charconv>
#include <ctime>

#include "base/error.h"
#include "formats/content_tree.h"

namespace bsr {
namespace {

constexpr std::string_view kWorkingSuffix = ".bsr-recv";

/// The value of the tag KEY=..., or nullopt.
std::optional<std::string> tag_value(const LogicalVolume& volume, std::string_view key) {
  for (const std::string& tag : volume.tags)
    if (tag.size() > key.size() && tag.starts_with(key) && tag[key.size()] == '=')
      return tag.substr(key.size() + 1);
  return std::nullopt;
}

uint64_t number_tag(const LogicalVolume& volume, std::string_view key) {
  const std::string text = tag_value(volume, key).value_or("");
  uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size())
    fail(ErrorKind::failed,
         "{}: its tag {}={} is not what bsr-recv writes; mend the tag or remove the volume",
         to_string(volume.name), key, text);
  return value;
}

}  // namespace

bool is_resync(const BeginFrame& begin) { return is_content_identity(begin.base_id); }

std::string applying_name(const BeginFrame& begin) {
  return is_resync(begin) ? begin.base_id : begin.snapshot_id;
}

const Generation* TargetState::find(const std::string& uuid) const {
  const auto found =
      std::find_if(generations.rbegin(), generations.rend(),
                   [&](const Generation& generation) { return generation.uuid == uuid; });
  return found == generations.rend() ? nullptr : &*found;
}

const Generation* TargetState::base_of(const BeginFrame& begin) const {
  if (is_resync(begin)) return newest();
  return begin.is_full() ? nullptr : find(begin.base_id);
}

bool TargetState::is_half() const {
  if (!working || applying.empty()) return false;
  if (generations.empty()) return true;
  // Unless the session that made it had only its last step to go.
  return applying != (is_content_identity(applying) ? newest()->base : newest()->uuid);
}

VolumeName working_copy_name(const VolumeName& target) {
  return {target.vg, target.lv + std::string(kWorkingSuffix)};
}

std::string target_tag(const VolumeName& target) { return "bsr.target=" + target.lv; }
std::string applying_tag(const std::string& snapshot) { return "bsr.applying=" + snapshot; }

TargetState read_target_state(const std::vector<LogicalVolume>& volumes, const VolumeName& target) {
  TargetState state;
  state.target = target;
  for (const LogicalVolume& volume : volumes) {
    if (volume.name == target) state.name_taken = true;
    if (tag_value(volume, "bsr.target") != target.lv) continue;
    if (volume.name == working_copy_name(target)) {
      state.working = volume;
      state.applying = tag_value(volume, "bsr.applying").value_or("");
    } else if (const std::optional<std::string> uuid = tag_value(volume, "bsr.uuid")) {
      state.generations.push_back({volume, *uuid, tag_value(volume, "bsr.base").value_or(""),
                                   number_tag(volume, "bsr.size"),
                                   number_tag(volume, "bsr.number")});
    }
  }
  std::ranges::sort(state.generations, {}, &Generation::number);
  for (const Generation& generation : state.generations)
    if (generation.size > generation.volume.size)
      fail(ErrorKind::failed, "{}: is smaller than its tag bsr.size says; it was changed by hand",
           to_string(generation.volume.name));
  return state;
}

void check_lineage(const TargetState& state, const BeginFrame& begin, bool rollback) {
  const std::string name = to_string(state.target);
  if (state.name_taken)
    fail(ErrorKind::diverged,
         "{}: a volume of this name exists, so this target was promoted or is not ours; rename it "
         "or receive under another name",
         name);
  const Generation* newest = state.newest();
  if (is_resync(begin) && newest != nullptr) return;
  if (state.find(begin.snapshot_id) != nullptr) return;
  if (state.is_half() && is_content_identity(state.applying) && !rollback)
    fail(ErrorKind::diverged,
         "{}: a resync was interrupted, so {} may hold what nobody sent; run the resync again "
         "(bsr-recv --digests, bsr-send --against), or drop it (bsr-recv -A) when you know better",
         name, newest == nullptr ? name : newest->volume.name.lv);
  if (begin.is_full()) {
    if (newest != nullptr)
      fail(ErrorKind::base,
           "{}: holds generations, the newest is {} ({}), and this is a full stream; send a change "
           "to that (bsr-send -i), or receive under another name",
           name, newest->volume.name.lv, newest->uuid);
    return;
  }
  if (newest == nullptr)
    fail(ErrorKind::base,
         "{}: holds nothing, and the stream is a change to snapshot {}; send a full stream first",
         name, begin.base_id);
  const Generation* base = state.find(begin.base_id);
  if (base != nullptr && base != newest && !rollback)
    fail(ErrorKind::diverged,
         "{}: the stream is a change to {} ({}), the last state both sides have, but the newest "
         "generation is {} ({}); send a change to that, or go back with --rollback, which keeps "
         "the newer generations",
         name, base->volume.name.lv, base->uuid, newest->volume.name.lv, newest->uuid);
  if (base == nullptr)
    fail(ErrorKind::base,
         "{}: the stream is a change to snapshot {}, which is no generation here; the newest is {} "
         "({}): send a change to that",
         name, begin.base_id, newest->volume.name.lv, newest->uuid);
  if (base->size != begin.base_size)
    fail(ErrorKind::base,
         "{}: the stream's base has {} bytes, generation {} has {}; the base was changed after it "
         "was sent",
         name, begin.base_size, base->volume.name.lv, base->size);
}

std::string utc_stamp(int64_t time) {
  const auto seconds = static_cast<std::time_t>(time);
  std::tm parts{};
  if (gmtime_r(&seconds, &parts) == nullptr || parts.tm_year > 8099) return "unknown-time";
  return fmt::format("{:%Y%m%dT%H%M%SZ}", parts);
}

std::string free_name(const std::vector<LogicalVolume>& volumes, const std::string& name) {
  const auto taken = [&](const std::string& lv) {
    return std::ranges::any_of(volumes,
                               [&](const LogicalVolume& volume) { return volume.name.lv == lv; });
  };
  std::string free = name;
  for (unsigned i = 2; taken(free); ++i) free = fmt::format("{}-{}", name, i);
  return free;
}

std::string generation_name(const std::vector<LogicalVolume>& volumes, const VolumeName& target,
                            int64_t snapshot_time) {
  return free_name(volumes, fmt::format("{}.bsr-{}", target.lv, utc_stamp(snapshot_time)));
}

std::vector<std::string> generation_tags(const TargetState& state, const BeginFrame& begin) {
  const Generation* newest = state.newest();
  std::vector<std::string> tags = {
      target_tag(state.target),
      "bsr.uuid=" + begin.snapshot_id,
      "bsr.base=" + (begin.is_full() ? "none" : begin.base_id),
      "bsr.volume=" + begin.volume_id,
      fmt::format("bsr.size={}", begin.volume_size),
      fmt::format("bsr.number={}", newest == nullptr ? 1 : newest->number + 1),
      fmt::format("bsr.time={}", begin.snapshot_time),
  };
  for (const std::string& tag : tags)
    if (!is_valid_tag(tag))
      fail(ErrorKind::unsupported,
           "\"{}\" cannot be written as an LVM tag; the sender's identities must be of "
           "[a-zA-Z0-9_+.-/=!:&#]",
           tag);
  return tags;
}

}  // namespace bsr
