#include "bsr-recv/target_names.h"

#include <algorithm>

#include "base/error.h"

namespace bsr {
namespace {

// Of one second, or left behind by rollbacks in one second, hardly anybody has more.
constexpr std::string_view kHighestNumber = "-99";

/// What stands behind the target's own name in those of its volumes.
std::vector<std::string> suffixes(const TargetState& state,
                                  const std::vector<LogicalVolume>& volumes,
                                  const BeginFrame& begin, bool rollback, int64_t now) {
  const VolumeName& target = state.target;
  std::vector<std::string> names = {working_copy_name(target).lv};
  if (state.newest() != nullptr) {
    names.push_back(generation_name(volumes, target, begin.snapshot_time));
    if (rollback) names.push_back(diverged_name(volumes, target, now));
  } else {
    names.push_back(generation_name({}, target, begin.snapshot_time).append(kHighestNumber));
    names.push_back(diverged_name({}, target, now).append(kHighestNumber));
  }
  for (std::string& name : names) name.erase(0, target.lv.size());
  return names;
}

}  // namespace

void check_names(const TargetState& state, const std::vector<LogicalVolume>& volumes,
                 const BeginFrame& begin, bool rollback, int64_t now) {
  const VolumeName& target = state.target;
  const std::vector<std::string> needed = suffixes(state, volumes, begin, rollback, now);
  const auto fits = [&](std::string_view name) {
    return std::ranges::all_of(needed, [&](const std::string& suffix) {
      return has_possible_length({target.vg, std::string(name) + suffix});
    });
  };
  if (fits(target.lv)) return;
  std::string_view longest = target.lv;
  while (!longest.empty() && !fits(longest)) longest.remove_suffix(1);
  const std::string& suffix = *std::ranges::max_element(needed, {}, &std::string::size);
  fail(ErrorKind::usage,
       "{}: the name is too long: {}{} and the like are needed too, LVM allows {} letters, and the "
       "device mapper as many for VG-LV, where a hyphen within a name counts twice; {}",
       to_string(target), target.lv, suffix, kLongestName,
       longest.empty()
           ? fmt::format("the name of the volume group leaves no room at all, receive into another")
           : fmt::format("here a name of {} letters would do: {}/{}", longest.size(), target.vg,
                         longest));
}

}  // namespace bsr
