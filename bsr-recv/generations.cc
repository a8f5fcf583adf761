#include "bsr-recv/generations.h"

#include <fmt/chrono.h>

#include <algorithm>
#include <charconv>
#include <ctime>

#include "base/error.h"
#include "formats/content_tree.h"
#include "formats/digest.h"

namespace bsr {
namespace {

constexpr std::string_view kWorkingSuffix = ".bsr-recv";
constexpr std::string_view kApplying = "bsr.applying";
constexpr std::string_view kMapped = "bsr.mapped";
constexpr std::string_view kThinId = "bsr.thin";

/// The value of the tag KEY=..., or nullopt.
std::optional<std::string> tag_value(const LogicalVolume& volume, std::string_view key) {
  for (const std::string& tag : volume.tags)
    if (tag.size() > key.size() && tag.starts_with(key) && tag[key.size()] == '=')
      return tag.substr(key.size() + 1);
  return std::nullopt;
}

std::optional<uint64_t> number_of(std::string_view text) {
  uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

[[noreturn]] void fail_tag(const LogicalVolume& volume, std::string_view key,
                           std::string_view text) {
  fail(ErrorKind::failed,
       "{}: its tag {}={} is not what bsr-recv writes; mend the tag or remove the volume",
       to_string(volume.name), key, text);
}

uint64_t number_tag(const LogicalVolume& volume, std::string_view key) {
  const std::string text = tag_value(volume, key).value_or("");
  const std::optional<uint64_t> value = number_of(text);
  if (!value) fail_tag(volume, key, text);
  return *value;
}

/// One that older versions did not write.
std::optional<uint64_t> number_tag_if_any(const LogicalVolume& volume, std::string_view key) {
  if (!tag_value(volume, key)) return std::nullopt;
  return number_tag(volume, key);
}

SourceState read_state_tag(const LogicalVolume& volume) {
  const std::optional<std::string> text = tag_value(volume, "bsr.state");
  SourceState state{};
  if (text && !from_hex(*text, state)) fail_tag(volume, "bsr.state", *text);
  return state;
}

/// One that was changed by hand has become nothing.
void read_applying(const LogicalVolume& volume, TargetState& state) {
  state.applying = tag_value(volume, kApplying).value_or("");
  const size_t mark = state.applying.rfind('#');
  const std::optional<uint64_t> number =
      mark == std::string::npos ? std::nullopt
                                : number_of(std::string_view(state.applying).substr(mark + 1));
  state.becoming = number.value_or(UINT64_MAX);
}

std::string applying_name(const BeginFrame& begin, uint64_t number) {
  return fmt::format("{}#{}", is_resync(begin) ? begin.base_id : begin.snapshot_id, number);
}

}  // namespace

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

Waiting waiting_in(const TargetState& state, std::optional<BeginFrame> record) {
  if (!state.working || state.applying.empty()) return {};
  if (state.becoming < state.next_number()) return {Waiting::What::committed, {}};
  if (is_content_identity(state.applying)) return {Waiting::What::half_resync, {}};
  if (record && record->resume.position != 0 &&
      state.applying == applying_name(*record, state.becoming))
    return {Waiting::What::resumable, *std::move(record)};
  return {Waiting::What::half, {}};
}

VolumeName working_copy_name(const VolumeName& target) {
  return {target.vg, target.lv + std::string(kWorkingSuffix)};
}

std::string state_tag(const SourceState& state) { return "bsr.state=" + to_hex(state); }

std::string target_tag(const VolumeName& target) { return "bsr.target=" + target.lv; }

std::string applying_tag(const BeginFrame& begin, uint64_t number) {
  return fmt::format("{}={}", kApplying, applying_name(begin, number));
}

std::string applying_tag(const TargetState& state) {
  return fmt::format("{}={}", kApplying, state.applying);
}

TargetState read_target_state(const std::vector<LogicalVolume>& volumes, const VolumeName& target) {
  TargetState state;
  state.target = target;
  for (const LogicalVolume& volume : volumes) {
    if (volume.name == target) state.name_taken = true;
    if (tag_value(volume, "bsr.target") != target.lv) continue;
    if (volume.name == working_copy_name(target)) {
      state.working = volume;
      read_applying(volume, state);
    } else if (const std::optional<std::string> uuid = tag_value(volume, "bsr.uuid")) {
      state.generations.push_back({volume, *uuid, tag_value(volume, "bsr.base").value_or(""),
                                   number_tag(volume, "bsr.size"), number_tag(volume, "bsr.number"),
                                   read_state_tag(volume), number_tag_if_any(volume, kMapped),
                                   number_tag_if_any(volume, kThinId)});
    }
  }
  std::ranges::sort(state.generations, {}, &Generation::number);
  for (const Generation& generation : state.generations)
    if (generation.size > generation.volume.size)
      fail(ErrorKind::failed, "{}: is smaller than its tag bsr.size says; it was changed by hand",
           to_string(generation.volume.name));
  return state;
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

std::string diverged_name(const std::vector<LogicalVolume>& volumes, const VolumeName& target,
                          int64_t now) {
  return free_name(volumes, fmt::format("{}.bsr-diverged-{}", target.lv, utc_stamp(now)));
}

std::string mapped_tag(uint64_t chunks) { return fmt::format("{}={}", kMapped, chunks); }
std::string thin_id_tag(uint64_t thin_id) { return fmt::format("{}={}", kThinId, thin_id); }

std::vector<std::string> generation_tags(const TargetState& state, const BeginFrame& begin) {
  std::vector<std::string> tags = {
      target_tag(state.target),
      "bsr.uuid=" + begin.snapshot_id,
      "bsr.base=" + (begin.is_full() ? "none" : begin.base_id),
      "bsr.volume=" + begin.volume_id,
      fmt::format("bsr.size={}", begin.volume_size),
      fmt::format("bsr.number={}", state.next_number()),
      fmt::format("bsr.time={}", begin.snapshot_time),
  };
  if (begin.snapshot_state != SourceState{}) tags.push_back(state_tag(begin.snapshot_state));
  for (const std::string& tag : tags)
    if (!is_valid_tag(tag))
      fail(ErrorKind::unsupported,
           "\"{}\" cannot be written as an LVM tag; the sender's identities must be of "
           "[a-zA-Z0-9_+.-/=!:&#]",
           tag);
  return tags;
}

}  // namespace bsr
