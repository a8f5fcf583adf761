// Lock and record of a pool: how they are written so that no crash leaves a lie.
#include "platform/pool_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <string_view>

#include "base/error.h"
#include "platform/file_lock.h"
#include "platform/small_file.h"

namespace bsr {
namespace {

constexpr size_t kHeldWidth = 20;  // digits of the largest uint64_t
constexpr std::string_view kHeader = "bsr-metadata-snapshot 1\n";
constexpr std::string_view kHeldKey = "held ";

/// A file of the kernel's; empty when there is none.
std::string read_proc(const std::string& path) try {
  return read_small_file(AT_FDCWD, path).value_or("");
} catch (const Error&) {  // the process ended meanwhile
  return "";
}

template <typename Number>
std::optional<Number> parse_number(std::string_view text) {
  Number value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

std::string current_boot_id() {
  std::string id = read_proc("/proc/sys/kernel/random/boot_id");
  while (!id.empty() && id.back() == '\n') id.pop_back();
  return id;
}

/// nullopt when there is no such process, or /proc does not tell.
std::optional<uint64_t> start_of(pid_t pid) {
  const std::string stat = read_proc(fmt::format("/proc/{}/stat", pid));
  // The name, in parentheses, may hold anything; what follows it is field 3, the start is field 22.
  size_t at = stat.rfind(')');
  for (int field = 3; at != std::string::npos && field <= 22; ++field) at = stat.find(' ', at + 1);
  if (at == std::string::npos) return std::nullopt;
  return parse_number<uint64_t>(
      std::string_view(stat).substr(at + 1, stat.find(' ', at + 1) - at - 1));
}

/// Takes KEY VALUE\n off the front of `text`.
std::optional<std::string_view> take_line(std::string_view& text, std::string_view key) {
  const size_t end = text.find('\n');
  if (end == std::string_view::npos || !text.starts_with(key)) return std::nullopt;
  const std::string_view value = text.substr(key.size(), end - key.size());
  text.remove_prefix(end + 1);
  return value;
}

/// The field for the block is first and of one width, so that it can be filled in where it is.
std::string record_text(const ProcessIdentity& owner, const std::string& pool_uuid) {
  return fmt::format("{}{}{:>{}}\npool {}\npid {}\nstart {}\nboot {}\nend\n", kHeader, kHeldKey,
                     "-", kHeldWidth, pool_uuid, owner.pid, owner.start, owner.boot_id);
}

std::optional<PoolRecord> parse_record(std::string_view text, std::string_view pool_uuid) {
  if (!text.starts_with(kHeader)) return std::nullopt;
  text.remove_prefix(kHeader.size());
  auto held = take_line(text, kHeldKey);
  const auto pool = take_line(text, "pool ");
  const auto pid = take_line(text, "pid ");
  const auto start = take_line(text, "start ");
  const auto boot = take_line(text, "boot ");
  if (!held || !pool || !pid || !start || !boot || text != "end\n" || *pool != pool_uuid)
    return std::nullopt;
  const auto pid_number = parse_number<pid_t>(*pid);
  const auto start_number = parse_number<uint64_t>(*start);
  if (!pid_number || *pid_number <= 0 || !start_number || boot->empty()) return std::nullopt;
  PoolRecord record{{*pid_number, *start_number, std::string(*boot)}, std::nullopt};
  held->remove_prefix(std::min(held->find_first_not_of(' '), held->size()));
  if (*held == "-") return record;
  record.held_root = parse_number<uint64_t>(*held);
  if (!record.held_root) return std::nullopt;
  return record;
}

}  // namespace

ProcessIdentity ProcessIdentity::ours() {
  return {getpid(), start_of(getpid()).value_or(0), current_boot_id()};
}

bool ProcessIdentity::may_be_alive() const {
  const std::string now = current_boot_id();
  if (now.empty()) return true;
  if (boot_id != now) return false;
  if (const auto started = start_of(pid)) return *started == start;
  return !start_of(getpid());  // /proc works, so there is no such process
}

PoolRecordFile::PoolRecordFile(std::string folder, std::string pool_uuid)
    : folder_(std::move(folder)), name_(std::move(pool_uuid)) {}

std::optional<PoolRecord> PoolRecordFile::read() const {
  const UniqueFd folder = open_private_folder(folder_);
  const std::optional<std::string> text = read_small_file(folder.get(), name_);
  return text ? parse_record(*text, name_) : std::nullopt;
}

void PoolRecordFile::write_intent() {
  const UniqueFd folder = open_private_folder(folder_);
  file_ = replace_small_file(folder.get(), name_, record_text(ProcessIdentity::ours(), name_));
}

void PoolRecordFile::write_held(uint64_t held_root) {
  const std::string digits = fmt::format("{:>{}}", held_root, kHeldWidth);
  if (pwrite(file_.get(), digits.data(), digits.size(),
             static_cast<off_t>(kHeader.size() + kHeldKey.size())) !=
      static_cast<ssize_t>(digits.size()))
    fail_errno(errno, fmt::format("writing {}/{}", folder_, name_));
}

void PoolRecordFile::remove() noexcept {
  file_.reset();
  (void)unlink((folder_ + '/' + name_).c_str());
}

}  // namespace bsr
