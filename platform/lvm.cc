// How LVM's programs are called, and what of their reports is believed.
#include "platform/lvm.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace bsr {
namespace {

using Json = nlohmann::json;

constexpr size_t kNameLimit = 127;
constexpr size_t kTagLimit = 1024;
constexpr uint64_t kSector = 512;

constexpr std::string_view kFields =
    "vg_name,vg_uuid,vg_extent_size,lv_name,lv_uuid,lv_size,lv_tags,lv_time,lv_path,"
    "lv_active_locally,lv_permissions,lv_device_open,lv_skip_activation,segtype,"
    "pool_lv,pool_lv_uuid,origin,origin_uuid,thin_id,chunk_size,discards,kernel_discards,zero";

/// An administrator's lvm.conf must not change what we read.
constexpr std::string_view kReportConfig =
    "report { time_format=\"%s\" list_item_separator=\",\" compact_output=0 "
    "compact_output_cols=\"\" mark_hidden_devices=0 prefixes=0 }";

bool is_letter_or_digit(char letter) {
  return (letter >= 'a' && letter <= 'z') || (letter >= 'A' && letter <= 'Z') ||
         (letter >= '0' && letter <= '9');
}

bool consists_of(std::string_view text, std::string_view others) {
  return std::all_of(text.begin(), text.end(), [&](char letter) {
    return is_letter_or_digit(letter) || others.find(letter) != std::string_view::npos;
  });
}

bool is_valid_name(std::string_view name) {
  return !name.empty() && name.size() <= kNameLimit && name[0] != '-' && name != "." &&
         name != ".." && consists_of(name, "+_.-");
}

bool is_valid_uuid(std::string_view uuid) {
  return uuid.size() == 38 && consists_of(uuid, "-") && uuid[0] != '-';
}

/// Parts of the name of a device-mapper device, where single hyphens separate and double ones are
/// hyphens.
std::vector<std::string> split_mapper_name(std::string_view name) {
  std::vector<std::string> parts(1);
  for (size_t i = 0; i < name.size(); ++i) {
    if (name[i] != '-') {
      parts.back() += name[i];
    } else if (i + 1 < name.size() && name[i + 1] == '-') {
      parts.back() += '-';
      ++i;
    } else {
      parts.emplace_back();
    }
  }
  return parts;
}

std::optional<VolumeName> checked(VolumeName name) {
  if (!is_valid_name(name.vg) || !is_valid_name(name.lv)) return std::nullopt;
  return name;
}

void require_name(std::string_view name) {
  if (!is_valid_name(name)) fail(ErrorKind::usage, "\"{}\" is not a name LVM allows", name);
}

/// Checks what will become an argument, wherever it comes from.
std::string argument(const VolumeName& name) {
  require_name(name.vg);
  require_name(name.lv);
  return to_string(name);
}

std::string require_tag(const std::string& tag) {
  if (!is_valid_tag(tag)) fail(ErrorKind::usage, "\"{}\" is not a tag LVM allows", tag);
  return tag;
}

std::string size_argument(uint64_t bytes) {
  if (bytes == 0 || bytes > uint64_t{INT64_MAX} - kSector)
    fail(ErrorKind::usage, "a volume cannot have {} bytes", bytes);
  return fmt::format("{}b", (bytes + kSector - 1) / kSector * kSector);
}

void append_flags(std::vector<std::string>& argv, const NewVolume& how) {
  argv.insert(argv.end(),
              {"--activate", "n", "--setactivationskip", how.activation_skip ? "y" : "n"});
  if (how.read_only) argv.insert(argv.end(), {"--permission", "r"});
  for (const std::string& tag : how.tags) argv.insert(argv.end(), {"--addtag", require_tag(tag)});
}

/// One row of a report; every access checks.
class Row {
 public:
  explicit Row(const Json& fields) : fields_(fields) {}

  [[nodiscard]] std::string text(const char* field) const {
    const auto found = fields_.find(field);
    if (found == fields_.end() || !found->is_string())
      fail(ErrorKind::failed, "lvs left out the field {}", field);
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

  /// As name() and uuid(), but may be empty.
  [[nodiscard]] std::string name_if_any(const char* field) const {
    return text(field).empty() ? "" : name(field);
  }
  [[nodiscard]] std::string uuid_if_any(const char* field) const {
    return text(field).empty() ? "" : uuid(field);
  }

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
void for_each_row(std::string_view report, Use use) try {
  const Json parsed = Json::parse(report);
  for (const Json& part : parsed.at("report")) {
    for (const Json& row : part.at("lv")) {
      if (!row.is_object()) fail(ErrorKind::failed, "lvs printed a row without fields");
      use(Row(row));
    }
  }
} catch (const Json::exception& error) {
  fail(ErrorKind::failed, "lvs printed what is not its JSON report: {}", error.what());
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
  volume.origin = row.name_if_any("origin");
  volume.origin_uuid = row.uuid_if_any("origin_uuid");
  volume.size = row.number("lv_size");
  volume.extent_size = row.number("vg_extent_size");
  if (volume.extent_size == 0) Row::bad("vg_extent_size", "0");
  volume.active = row.is_set("lv_active_locally");
  volume.writable =
      row.text("lv_permissions") != "read-only";  // "unknown" when writable and inactive
  volume.open = row.is_set("lv_device_open");
  volume.activation_skip = row.is_set("lv_skip_activation");
  if (volume.is_thin_pool) volume.chunk_size = row.number("chunk_size");
  volume.tags = split_tags(row.text("lv_tags"));
  volume.time = row.text("lv_time").empty() ? 0 : static_cast<int64_t>(row.number("lv_time"));
  volume.path = row.text("lv_path");
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

std::string only_in(const VolumeName& name) {
  require_name(name.lv);
  return fmt::format("lv_name=\"{}\" || segtype=thin-pool", name.lv);
}

}  // namespace

std::string to_string(const VolumeName& name) { return name.vg + '/' + name.lv; }

std::optional<VolumeName> parse_volume_name(std::string_view text) {
  constexpr std::string_view kMapper = "/dev/mapper/", kDevices = "/dev/";
  if (text.starts_with(kMapper)) {
    const std::vector<std::string> parts = split_mapper_name(text.substr(kMapper.size()));
    if (parts.size() != 2) return std::nullopt;
    return checked({parts[0], parts[1]});
  }
  if (text.starts_with(kDevices)) text.remove_prefix(kDevices.size());
  const size_t slash = text.find('/');
  if (slash == std::string_view::npos) return std::nullopt;
  return checked({std::string(text.substr(0, slash)), std::string(text.substr(slash + 1))});
}

bool is_valid_tag(std::string_view tag) {
  return !tag.empty() && tag.size() <= kTagLimit && tag[0] != '-' && consists_of(tag, "_+.-/=!:&#");
}

std::vector<LogicalVolume> parse_volumes(std::string_view report) {
  std::vector<LogicalVolume> volumes;
  std::map<std::string, uint64_t> chunk_sizes;  // by uuid of the pool
  for_each_row(report, [&](const Row& row) {
    LogicalVolume volume = volume_of(row);
    // A volume of several segments has a row for each, one after the other.
    if (!volumes.empty() && volumes.back().uuid == volume.uuid) return;
    if (volume.is_thin_pool) chunk_sizes[volume.uuid] = volume.chunk_size;
    volumes.push_back(std::move(volume));
  });
  for (LogicalVolume& volume : volumes) {
    if (!volume.is_thin) continue;
    const auto pool = chunk_sizes.find(volume.pool_uuid);
    if (pool == chunk_sizes.end() || pool->second == 0 || pool->second % kSector != 0)
      fail(ErrorKind::failed, "lvs does not tell the chunk size of pool {}/{}", volume.name.vg,
           volume.pool);
    volume.chunk_size = pool->second;
  }
  return volumes;
}

ThinPool parse_thin_pool(std::string_view report, const VolumeName& name) {
  std::optional<ThinPool> pool;
  for_each_row(report, [&](const Row& row) {
    const LogicalVolume volume = volume_of(row);
    if (!volume.is_thin_pool || !(volume.name == name)) return;
    pool = ThinPool{name,
                    volume.uuid,
                    volume.size,
                    volume.chunk_size,
                    discards_of(row),
                    row.is_set("zero"),
                    volume.active};
  });
  if (!pool) fail(ErrorKind::failed, "{} is not a thin pool", to_string(name));
  return *pool;
}

Lvm::Lvm(Runner runner) : runner_(std::move(runner)) {}

/// Runs `lvs` and says so when it failed for want of rights.
std::string Lvm::report(std::vector<std::string> arguments) const {
  std::vector<std::string> argv{"lvs",
                                "--reportformat",
                                "json",
                                "--units",
                                "b",
                                "--nosuffix",
                                "--binary",
                                "--config",
                                std::string(kReportConfig),
                                "--options",
                                std::string(kFields)};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  try {
    return runner_(argv, OnStop::give_up);
  } catch (Error& error) {
    if (error.kind() == ErrorKind::failed && geteuid() != 0)
      error.while_doing("LVM needs root's rights, run this as root");
    throw;
  }
}

void Lvm::change(const std::vector<std::string>& argv) const try {
  runner_(argv, OnStop::carry_on);
} catch (Error& error) {
  if (error.kind() == ErrorKind::failed && geteuid() != 0)
    error.while_doing("LVM needs root's rights, run this as root");
  throw;
}

std::optional<LogicalVolume> Lvm::find(const VolumeName& name) const {
  require_name(name.vg);
  for (LogicalVolume& volume : parse_volumes(report({"--select", only_in(name), name.vg})))
    if (volume.name == name) return std::move(volume);
  return std::nullopt;
}

std::vector<LogicalVolume> Lvm::list(const std::string& vg, Internal internal) const {
  require_name(vg);
  if (internal == Internal::included) return parse_volumes(report({"--all", vg}));
  return parse_volumes(report({vg}));
}

ThinPool Lvm::thin_pool(const VolumeName& name) const {
  require_name(name.vg);
  return parse_thin_pool(report({"--select", only_in(name), name.vg}), name);
}

void Lvm::activate(const VolumeName& name) const {
  change({"lvchange", "--activate", "y", "--ignoreactivationskip", argument(name)});
}

void Lvm::deactivate(const VolumeName& name) const {
  change({"lvchange", "--activate", "n", argument(name)});
}

void Lvm::create_thin(const VolumeName& pool, const std::string& name, uint64_t bytes,
                      const NewVolume& how) const {
  require_name(name);
  std::vector<std::string> argv{
      "lvcreate",           "--type",     "thin", "--name", name, "--virtualsize",
      size_argument(bytes), "--thinpool", pool.lv};
  append_flags(argv, how);
  argument(pool);
  argv.push_back(pool.vg);
  change(argv);
}

void Lvm::snapshot(const VolumeName& origin, const std::string& name, const NewVolume& how) const {
  require_name(name);
  std::vector<std::string> argv{"lvcreate", "--snapshot", "--name", name};
  append_flags(argv, how);
  argv.push_back(argument(origin));
  change(argv);
}

void Lvm::add_tag(const VolumeName& name, const std::string& tag) const {
  change({"lvchange", "--addtag", require_tag(tag), argument(name)});
}

void Lvm::remove_tag(const VolumeName& name, const std::string& tag) const {
  change({"lvchange", "--deltag", require_tag(tag), argument(name)});
}

void Lvm::resize(const VolumeName& name, uint64_t bytes) const {
  const std::string size = size_argument(bytes);
  const std::optional<LogicalVolume> now = find(name);
  if (!now) fail(ErrorKind::failed, "there is no volume {} to resize", to_string(name));
  const uint64_t rounded = (bytes + now->extent_size - 1) / now->extent_size * now->extent_size;
  if (rounded == now->size) return;  // lvresize calls that a failure
  std::vector<std::string> argv{"lvresize", "--size", size};
  if (rounded < now->size) {
    argv.emplace_back("--force");  // shrinking is meant: do not ask
    // Since 2.03.17 lvresize looks for a file system unless told not to; before, it does not know
    // the option.
    if (runner_({"lvresize", "--help"}, OnStop::carry_on).find("--fs ") != std::string::npos)
      argv.insert(argv.end(), {"--fs", "ignore"});
  }
  argv.push_back(argument(name));
  change(argv);
}

void Lvm::remove(const VolumeName& name) const { change({"lvremove", argument(name)}); }

}  // namespace bsr
