// What of LVM's reports is believed, and which names and tags LVM allows.
#include "platform/lvm_report.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/sector.h"

namespace bsr {
namespace {

using Json = nlohmann::json;

constexpr size_t kTagLimit = 1024;

constexpr std::string_view kFields =
    "vg_name,vg_uuid,vg_extent_size,lv_name,lv_uuid,lv_size,lv_tags,lv_time,lv_path,"
    "lv_active_locally,lv_permissions,lv_device_open,lv_skip_activation,segtype,"
    "pool_lv,pool_lv_uuid,origin,origin_uuid,thin_id,chunk_size,discards,kernel_discards,zero,"
    "transaction_id";

/// An administrator's lvm.conf must not change what we read. Prefix and command name would stand
/// before each line of a report too. LVM may put its errors into a list beside the report, not on
/// standard error: since 2.03.26 it does so for JSON unless told otherwise.
constexpr std::string_view kLogConfig =
    "log { prefix=\"\" command_names=0 verbose=0 indent=0 report_command_log=0 }";
constexpr std::string_view kReportConfig =
    "report { time_format=\"%s\" list_item_separator=\",\" compact_output=0 "
    "compact_output_cols=\"\" mark_hidden_devices=0 prefixes=0 quoted=1 columns_as_rows=0 "
    "buffered=1 headings=1 }";

std::string report_config() { return fmt::format("{} {}", kLogConfig, kReportConfig); }

bool is_letter_or_digit(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9');
}

bool consists_of(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char letter) {
    return is_letter_or_digit(letter) || others.find(letter) != std::string_view::npos;
  });
}

bool is_valid_uuid(std::string_view uuid) {
  return uuid.size() == 38 && consists_of(uuid, "-") && uuid[0] != '-';
}

/// One row of a report; every access checks.
class Row {
 public:
  explicit Row(const Json& fields) : fields_(fields) {}

  [[nodiscard]] std::string text(const char* field) const {
    const auto found = fields_.find(field);
    if (found == fields_.end() || !found->is_string())
      fail(ErrorKind::failed, "LVM left out the field {}", field);
    return found->get<std::string>();
  }

  [[nodiscard]] uint64_t number(const char* field) const {
    const std::string digits = text(field);
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (digits.empty() || error != std::errc{} || end != digits.data() + digits.size())
      bad(field, digits);
    return value;
  }

  [[nodiscard]] std::string name(const char* field) const { return check(field, is_valid_name); }
  [[nodiscard]] std::string uuid(const char* field) const { return check(field, is_valid_uuid); }

  /// With --binary: 1, 0, or -1 for what cannot be known of an inactive volume.
  [[nodiscard]] bool is_set(const char* field) const { return text(field) == "1"; }

  [[noreturn]] static void bad(const char* field, const std::string& value) {
    fail(ErrorKind::failed, "lvs says {} is \"{}\", which cannot be", field, value.substr(0, 200));
  }

 private:
  std::string check(const char* field, bool (*is_valid)(std::string_view)) const {
    std::string value = text(field);
    if (!is_valid(value)) bad(field, value);
    return value;
  }

  const Json& fields_;
};

/// Calls `use` for each row of a report.
template <typename Use>
void for_each_row(std::string_view report, const char* kind, Use use) try {
  const Json parsed = Json::parse(report);
  for (const Json& part : parsed.at("report")) {
    for (const Json& row : part.at(kind)) {
      if (!row.is_object()) fail(ErrorKind::failed, "LVM printed a row without fields");
      use(Row(row));
    }
  }
} catch (const Json::exception& error) {
  fail(ErrorKind::failed, "LVM printed what is not its JSON report: {}", error.what());
}

std::vector<std::string> split_tags(std::string_view text) {
  std::vector<std::string> tags;
  for (size_t begin = 0; begin < text.size();) {
    const size_t end = std::min(text.find(',', begin), text.size());
    tags.emplace_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  for (const std::string& tag : tags)
    if (!is_valid_tag(tag)) Row::bad("lv_tags", std::string(text));
  return tags;
}

LogicalVolume volume_of(const Row& row) {
  LogicalVolume volume;
  volume.name = {row.name("vg_name"), row.name("lv_name")};
  volume.uuid = row.uuid("lv_uuid");
  volume.vg_uuid = row.uuid("vg_uuid");
  const std::string type = row.text("segtype");
  volume.is_thin = type == "thin";
  volume.is_thin_pool = type == "thin-pool";
  if (volume.is_thin) {
    volume.pool = row.name("pool_lv");
    volume.pool_uuid = row.uuid("pool_lv_uuid");
    volume.thin_id = row.number("thin_id");
    if (*volume.thin_id >= uint64_t{1} << 24) Row::bad("thin_id", row.text("thin_id"));
  }
  // With a hyphen in front LVM names an origin that it only remembers (record_lvs_history).
  if (const std::string origin = row.text("origin"); !origin.empty() && origin[0] != '-') {
    volume.origin = row.name("origin");
    volume.origin_uuid = row.uuid("origin_uuid");
  }
  volume.size = row.number("lv_size");
  volume.extent_size = row.number("vg_extent_size");
  if (volume.extent_size == 0) Row::bad("vg_extent_size", "0");
  volume.active = row.is_set("lv_active_locally");
  // "unknown" is what a writable volume has while it is inactive.
  volume.writable = row.text("lv_permissions") != "read-only";
  volume.open = row.is_set("lv_device_open");
  volume.activation_skip = row.is_set("lv_skip_activation");
  if (volume.is_thin_pool) volume.chunk_size = row.number("chunk_size");
  volume.tags = split_tags(row.text("lv_tags"));
  volume.time = row.text("lv_time").empty() ? 0 : static_cast<int64_t>(row.number("lv_time"));
  volume.path = row.text("lv_path");
  if (!volume.path.empty() && volume.path != "/dev/" + to_string(volume.name))
    Row::bad("lv_path", volume.path);
  return volume;
}

Discards discards_of(const Row& row) {
  const std::string now = row.text("kernel_discards");  // empty while inactive
  const std::string wanted = row.text("discards");
  const std::string& said = now.empty() ? wanted : now;
  if (said == "ignore") return Discards::ignore;
  if (said == "nopassdown") return Discards::no_passdown;
  if (said == "passdown") return Discards::passdown;
  Row::bad("discards", said);
}

}  // namespace

std::vector<std::string> report_arguments() {
  return {"--reportformat", "json",
          "--units",        "b",
          "--nosuffix",     "--binary",
          "--config",       report_config(),
          "--options",      std::string(kFields),
          "--sort",         "vg_name,lv_name,seg_start"};
}

std::vector<std::string> device_report_arguments() {
  return {"--reportformat", "json", "--config", report_config(), "--options", "pv_name"};
}

std::string change_config() {
  return fmt::format(
      "{} report {{ output_format=\"basic\" }} activation {{ retry_deactivation=1 }}", kLogConfig);
}

bool is_valid_name(std::string_view name) {
  return !name.empty() && name.size() <= kLongestName && name[0] != '-' && name != "." &&
         name != ".." && consists_of(name, "+_.-");
}

bool is_valid_tag(std::string_view tag) {
  return !tag.empty() && tag.size() <= kTagLimit && tag[0] != '-' && consists_of(tag, "_+.-/=!:&#");
}

std::vector<LogicalVolume> parse_volumes(std::string_view report) {
  std::vector<LogicalVolume> volumes;
  std::map<std::string, uint64_t> chunk_sizes;  // by uuid of the pool
  for_each_row(report, "lv", [&](const Row& row) {
    LogicalVolume volume = volume_of(row);
    // A volume of several segments has a row for each, one after the other.
    if (!volumes.empty() && volumes.back().uuid == volume.uuid) return;
    if (volume.is_thin_pool) chunk_sizes[volume.uuid] = volume.chunk_size;
    volumes.push_back(std::move(volume));
  });
  for (LogicalVolume& volume : volumes) {
    if (!volume.is_thin) continue;
    const auto pool = chunk_sizes.find(volume.pool_uuid);
    if (pool == chunk_sizes.end() || pool->second == 0 || pool->second % kSectorSize != 0)
      fail(ErrorKind::failed, "lvs does not tell the chunk size of pool {}/{}", volume.name.vg,
           volume.pool);
    volume.chunk_size = pool->second;
  }
  return volumes;
}

std::vector<std::string> parse_devices(std::string_view report) {
  std::vector<std::string> paths;
  for_each_row(report, "pv", [&](const Row& row) {
    std::string path = row.text("pv_name");
    if (path.starts_with("/dev/")) paths.push_back(std::move(path));  // else it is missing
  });
  return paths;
}

unsigned parse_threshold(std::string_view said) {
  constexpr std::string_view kKey = "thin_pool_autoextend_threshold=";
  unsigned percent = 0;
  const std::string_view digits =
      said.starts_with(kKey) ? said.substr(kKey.size()) : std::string_view();
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), percent);
  if (digits.empty() || error != std::errc{} ||
      digits.substr(static_cast<size_t>(end - digits.data())) != "\n")
    fail(ErrorKind::failed, "lvmconfig printed \"{}\" where a percentage belongs",
         said.substr(0, 200));
  return std::min(percent, 100U);
}

/// VG, logical_volumes, POOL, segmentN, messageN: sections within sections, each with a line of its
/// own that opens it and one that closes it.
bool has_queued_messages(std::string_view backup, std::string_view pool) {
  std::vector<std::string_view> sections;
  while (!backup.empty()) {
    const std::string_view whole = backup.substr(0, backup.find('\n'));
    backup.remove_prefix(std::min(whole.size() + 1, backup.size()));
    const std::string_view line =
        whole.substr(std::min(whole.find_first_not_of(" \t"), whole.size()));
    const std::string_view name = line.substr(0, line.find(' '));
    if (line.size() == name.size() + 2 && line.ends_with(" {")) {
      sections.push_back(name);
      if (sections.size() == 5 && sections[1] == "logical_volumes" && sections[2] == pool &&
          name.starts_with("message"))
        return true;
    } else if (line == "}") {
      if (sections.empty()) break;
      sections.pop_back();
      if (sections.empty()) return false;
    }
  }
  fail(ErrorKind::failed, "vgcfgbackup left something else than the metadata of a volume group");
}

ThinPool parse_thin_pool(std::string_view report, const VolumeName& name) {
  std::optional<ThinPool> pool;
  for_each_row(report, "lv", [&](const Row& row) {
    const LogicalVolume volume = volume_of(row);
    if (!volume.is_thin_pool || !(volume.name == name)) return;
    pool = ThinPool{name,
                    volume.uuid,
                    volume.size,
                    volume.chunk_size,
                    discards_of(row),
                    row.is_set("zero"),
                    volume.active,
                    row.number("transaction_id")};
  });
  if (!pool) fail(ErrorKind::failed, "{} is not a thin pool", to_string(name));
  return *pool;
}

}  // namespace bsr
