// How LVM's programs are called.
#include "platform/lvm.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <iterator>

#include "base/error.h"
#include "base/sector.h"
#include "platform/device_mapper.h"
#include "platform/file_lock.h"
#include "platform/lvm_report.h"
#include "platform/unique_fd.h"

namespace bsr {
namespace {

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
  if (bytes == 0 || bytes > uint64_t{INT64_MAX} - kSectorSize)
    fail(ErrorKind::usage, "a volume cannot have {} bytes", bytes);
  return fmt::format("{}b", (bytes + kSectorSize - 1) / kSectorSize * kSectorSize);
}

void append_flags(std::vector<std::string>& argv, const NewVolume& how) {
  argv.insert(argv.end(),
              {"--activate", "n", "--setactivationskip", how.activation_skip ? "y" : "n"});
  if (how.read_only) argv.insert(argv.end(), {"--permission", "r"});
  for (const std::string& tag : how.tags) argv.insert(argv.end(), {"--addtag", require_tag(tag)});
}

/// Throws when the program failed.
std::string output_of(Outcome outcome) {
  if (outcome.failure.empty()) return std::move(outcome.output);
  fail(ErrorKind::failed, "{}{}",
       geteuid() == 0 ? "" : "LVM needs root's rights, run this as root: ", outcome.failure);
}

std::string only_in(const VolumeName& name) {
  require_name(name.lv);
  return fmt::format("lv_name=\"{}\" || segtype=thin-pool", name.lv);
}

}  // namespace

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

bool has_possible_length(const VolumeName& name) {
  return name.lv.size() <= kLongestName && device_mapper_name(name).size() <= kLongestName;
}

Lvm::Lvm(Runner runner) : runner_(std::move(runner)) {}

std::string Lvm::call(const std::vector<std::string>& argv, OnStop on_stop) const {
  return output_of(runner_(argv, on_stop));
}

Outcome Lvm::ask(const std::vector<std::string>& arguments) const {
  std::vector<std::string> argv = report_arguments();
  argv.insert(argv.begin(), "lvs");
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return runner_(argv, OnStop::give_up);
}

std::string Lvm::report(const std::vector<std::string>& arguments) const {
  return output_of(ask(arguments));
}

void Lvm::change(std::vector<std::string> argv) const {
  argv.insert(argv.begin() + 1, {"--config", change_config()});
  call(argv, OnStop::carry_on);
}

std::optional<LogicalVolume> Lvm::find(const VolumeName& name) const {
  require_name(name.vg);
  for (LogicalVolume& volume : parse_volumes(report({"--select", only_in(name), name.vg})))
    if (volume.name == name) return std::move(volume);
  return std::nullopt;
}

std::vector<LogicalVolume> Lvm::find_uuid(const std::string& uuid) const {
  const Outcome outcome = ask({});
  std::vector<LogicalVolume> found;
  if (outcome.failure.empty() || !outcome.output.empty()) found = parse_volumes(outcome.output);
  std::erase_if(found, [&](const LogicalVolume& volume) { return volume.uuid != uuid; });
  if (found.empty()) output_of(outcome);
  return found;
}

std::vector<std::string> Lvm::uuids() const {
  std::vector<std::string> uuids;
  for (LogicalVolume& volume : parse_volumes(report({}))) uuids.push_back(std::move(volume.uuid));
  return uuids;
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

bool Lvm::has_queued_messages(const VolumeName& pool) const {
  argument(pool);
  static_cast<void>(open_private_folder(kLockFolder));  // which is made
  const std::string path = fmt::format("{}/vgcfgbackup.{}", kLockFolder, getpid());
  call({"vgcfgbackup", "--config", change_config(), "--file", path, pool.vg}, OnStop::give_up);
  std::ifstream file(path);
  const std::string backup{std::istreambuf_iterator<char>(file), {}};
  unlink(path.c_str());
  return bsr::has_queued_messages(backup, pool.lv);
}

unsigned Lvm::autoextend_threshold() const {
  return parse_threshold(
      call({"lvmconfig", "--type", "full", "activation/thin_pool_autoextend_threshold"},
           OnStop::give_up));
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
    if (call({"lvresize", "--help"}, OnStop::give_up).find("--fs ") != std::string::npos)
      argv.insert(argv.end(), {"--fs", "ignore"});
  }
  argv.push_back(argument(name));
  change(argv);
}

void Lvm::flush(const std::string& vg) const {
  require_name(vg);
  std::vector<std::string> argv = device_report_arguments();
  argv.insert(argv.begin(), "pvs");
  argv.insert(argv.end(), {"--select", fmt::format("vg_name=\"{}\"", vg)});
  const std::string report = call(argv, OnStop::carry_on);
  for (const std::string& path : parse_devices(report)) {
    const UniqueFd device(open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!device || fsync(device.get()) != 0) fail_errno(errno, path + ": cannot flush");
  }
}

void Lvm::rename(const VolumeName& name, const std::string& new_name) const {
  require_name(new_name);
  require_name(name.lv);
  require_name(name.vg);
  change({"lvrename", name.vg, name.lv, new_name});
}

void Lvm::remove(const VolumeName& name) const { change({"lvremove", argument(name)}); }

}  // namespace bsr
