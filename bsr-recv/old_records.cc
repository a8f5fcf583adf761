#include "bsr-recv/old_records.h"

#include <fmt/format.h>

#include <filesystem>
#include <set>
#include <string_view>

namespace bsr {

std::string identity_of(const LogicalVolume& volume) {
  return fmt::format("{}.{}", volume.vg_uuid, volume.uuid);
}

std::string record_name(const std::string& identity) { return "recv:" + identity; }

std::vector<std::string> names_in(const std::string& folder) {
  std::vector<std::string> names;
  std::error_code problem;  // what cannot be read is looked at the next time
  for (std::filesystem::directory_iterator file(folder, problem), end; !problem && file != end;
       file.increment(problem))
    names.push_back(file->path().filename().string());
  return names;
}

std::vector<std::string> records_of_removed(const std::vector<std::string>& names,
                                            const std::vector<LogicalVolume>& volumes) {
  if (volumes.empty()) return {};
  std::set<std::string> there;
  for (const LogicalVolume& volume : volumes) there.insert(record_name(identity_of(volume)));
  const std::string of_group = record_name(volumes.front().vg_uuid + '.');
  std::set<std::string> removed;
  for (std::string_view name : names) {
    constexpr std::string_view kLog = ".log";
    if (name.ends_with(kLog)) name.remove_suffix(kLog.size());
    if (name.starts_with(of_group) && !there.contains(std::string(name))) removed.emplace(name);
  }
  return {removed.begin(), removed.end()};
}

}  // namespace bsr
