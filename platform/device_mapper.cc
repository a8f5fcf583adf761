// The only user of libdevmapper. The library keeps state of its own and calls back to log, so one
// thread at a time is in it.
#include "platform/device_mapper.h"

#include <libdevmapper.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstdarg>
#include <cstdio>
#include <memory>
#include <mutex>
#include <tuple>
#include <utility>

#include "base/error.h"

namespace bsr {
namespace {

constexpr int kLogLevelBits = 7;  // libdevmapper adds flags above them
constexpr int kLogError = 3;
constexpr size_t kLogLimit = 2000;

// The library is one per process and its log callback is given no context: hence two globals.
std::mutex library_mutex;
std::string* library_log = nullptr;  // of the Library that exists now

extern "C" void collect_log(int level, const char*, int, int, const char* format, ...) {
  if ((level & kLogLevelBits) > kLogError) return;
  if (library_log == nullptr || library_log->size() > kLogLimit) return;
  std::array<char, 512> line{};
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(line.data(), line.size(), format, arguments);
  va_end(arguments);
  if (!library_log->empty()) *library_log += "; ";
  *library_log += line.data();
}

/// To have one is to be the thread that may call libdevmapper.
class Library {
 public:
  Library() : lock_(library_mutex) {
    library_log = &log_;
    dm_log_with_errno_init(collect_log);
  }
  Library(const Library&) = delete;
  Library& operator=(const Library&) = delete;
  ~Library() { library_log = nullptr; }

  /// What went wrong since it was made, for the end of a message.
  [[nodiscard]] std::string log() const { return log_.empty() ? "" : " (" + log_ + ")"; }

 private:
  std::scoped_lock<std::mutex> lock_;
  std::string log_;
};

struct DestroyTask {
  void operator()(dm_task* task) const noexcept { dm_task_destroy(task); }
};
using Task = std::unique_ptr<dm_task, DestroyTask>;

[[noreturn]] void fail_missing(const std::string& device) {
  fail(ErrorKind::failed, "there is no device-mapper device {}; is its volume active?", device);
}

[[noreturn]] void fail_task(const Library& library, int number, const std::string& activity) {
  if (geteuid() != 0)
    fail(ErrorKind::failed, "{}: the device mapper needs root's rights, run this as root",
         activity);
  fail_errno(number == 0 ? EIO : number, activity + library.log());
}

/// `activity` names the device and is the beginning of a failure's message.
Task make_task(const Library& library, int type, const std::string& device,
               const std::string& activity) {
  Task task(dm_task_create(type));
  if (!task || !dm_task_set_name(task.get(), device.c_str())) fail_task(library, 0, activity);
  return task;
}

void run_task(const Library& library, dm_task* task, const std::string& device,
              const std::string& activity) {
  if (dm_task_run(task)) return;
  const int number = dm_task_get_errno(task);
  if (number == ENXIO) fail_missing(device);
  fail_task(library, number, activity);
}

/// Throws when the device of a task that ran does not exist.
dm_info info_of(dm_task* task, const std::string& device) {
  dm_info info{};
  if (!dm_task_get_info(task, &info) || !info.exists) fail_missing(device);
  return info;
}

/// Nullopt: there is no such device.
std::optional<dm_info> info_if_any(const std::string& device) {
  const std::string activity = "looking for " + device;
  const Library library;
  const Task task = make_task(library, DM_DEVICE_INFO, device, activity);
  if (!dm_task_run(task.get())) {
    const int number = dm_task_get_errno(task.get());
    if (number == ENXIO) return std::nullopt;
    fail_task(library, number, activity);
  }
  dm_info info{};
  if (!dm_task_get_info(task.get(), &info) || !info.exists) return std::nullopt;
  return info;
}

/// Words of a status line, each of them checked when it is taken.
class Words {
 public:
  explicit Words(std::string_view text) : whole_(text), rest_(text) {}

  /// Empty at the end.
  std::string_view next() {
    rest_.remove_prefix(std::min(rest_.find_first_not_of(' '), rest_.size()));
    const std::string_view word = rest_.substr(0, rest_.find(' '));
    rest_.remove_prefix(word.size());
    return word;
  }

  uint64_t number(std::string_view word) const {
    uint64_t value = 0;
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (word.empty() || error != std::errc{} || end != word.data() + word.size()) bad();
    return value;
  }

  /// USED/TOTAL
  std::pair<uint64_t, uint64_t> next_usage() {
    const std::string_view word = next();
    const size_t slash = word.find('/');
    if (slash == std::string_view::npos) bad();
    return {number(word.substr(0, slash)), number(word.substr(slash + 1))};
  }

  [[noreturn]] void bad() const {
    fail(ErrorKind::failed, "not the status of a thin pool: \"{}\"", whole_.substr(0, 200));
  }

 private:
  std::string_view whole_, rest_;
};

void append_doubling_hyphens(std::string& to, std::string_view name) {
  for (const char letter : name) to.append(letter == '-' ? 2 : 1, letter);
}

}  // namespace

std::optional<MappedTarget> first_target(uint32_t major, uint32_t minor) {
  const Library library;
  const Task task(dm_task_create(DM_DEVICE_TABLE));
  if (!task || !dm_task_set_major(task.get(), static_cast<int>(major)) ||
      !dm_task_set_minor(task.get(), static_cast<int>(minor)))
    fail(ErrorKind::failed, "cannot ask the device mapper about device {}:{}{}", major, minor,
         library.log());
  // Without the device mapper, or without such a device there, it is somebody else's device.
  if (!dm_task_run(task.get())) return std::nullopt;
  uint64_t start = 0;
  uint64_t length = 0;
  char* type = nullptr;
  char* parameters = nullptr;
  dm_get_next_target(task.get(), nullptr, &start, &length, &type, &parameters);
  if (type == nullptr) return std::nullopt;
  MappedTarget target{type, {}};
  Words words(parameters == nullptr ? "" : parameters);
  for (std::string_view word = words.next(); !word.empty(); word = words.next())
    target.parameters.emplace_back(word);
  return target;
}

std::string device_mapper_name(const VolumeName& name, std::string_view layer) {
  std::string result;
  append_doubling_hyphens(result, name.vg);
  result += '-';
  append_doubling_hyphens(result, name.lv);
  if (!layer.empty()) result.append("-").append(layer);
  return result;
}

std::string pool_device(const VolumeName& pool) { return device_mapper_name(pool, "tpool"); }

void send_message(const std::string& device, const std::string& text) {
  const std::string activity = fmt::format("sending \"{}\" to {}", text, device);
  const Library library;
  const Task task = make_task(library, DM_DEVICE_TARGET_MSG, device, activity);
  if (!dm_task_set_sector(task.get(), 0) || !dm_task_set_message(task.get(), text.c_str()))
    fail_task(library, 0, activity);
  run_task(library, task.get(), device, activity);
}

bool device_exists(const std::string& device) { return info_if_any(device).has_value(); }

bool is_open(const std::string& device) {
  const std::optional<dm_info> info = info_if_any(device);
  return info && info->open_count > 0;
}

uint32_t open_count(const std::string& device) {
  const std::string activity = "asking who uses " + device;
  const Library library;
  const Task task = make_task(library, DM_DEVICE_INFO, device, activity);
  run_task(library, task.get(), device, activity);
  return static_cast<uint32_t>(info_of(task.get(), device).open_count);
}

ThinPoolStatus parse_thin_pool_status(std::string_view text) {
  Words words(text);
  ThinPoolStatus status;
  const std::string_view first = words.next();
  if (first == "Fail" || first == "Error") return status;
  status.transaction_id = words.number(first);
  std::tie(status.used_metadata, status.total_metadata) = words.next_usage();
  std::tie(status.used_data, status.total_data) = words.next_usage();
  if (const std::string_view root = words.next(); root != "-")
    status.held_root = words.number(root);

  const std::string_view mode = words.next();
  if (mode == "rw") {
    status.mode = ThinPoolStatus::Mode::read_write;
  } else if (mode == "ro") {
    status.mode = ThinPoolStatus::Mode::read_only;
  } else if (mode == "out_of_data_space") {
    status.mode = ThinPoolStatus::Mode::out_of_data_space;
  } else {
    words.bad();
  }

  const std::string_view discards = words.next();
  if (discards == "discard_passdown") {
    status.discards = Discards::passdown;
  } else if (discards == "no_discard_passdown") {
    status.discards = Discards::no_passdown;
  } else if (discards != "ignore_discard") {
    words.bad();
  }

  const std::string_view when_full = words.next();
  status.error_if_no_space = when_full == "error_if_no_space";
  if (!status.error_if_no_space && when_full != "queue_if_no_space") words.bad();
  status.needs_check = words.next() == "needs_check";
  return status;
}

ThinPoolStatus thin_pool_status(const std::string& device) {
  const std::string activity = "asking for the status of " + device;
  const Library library;
  const Task task = make_task(library, DM_DEVICE_STATUS, device, activity);
  if (!dm_task_no_flush(task.get())) fail_task(library, 0, activity);
  run_task(library, task.get(), device, activity);
  info_of(task.get(), device);
  uint64_t start = 0, length = 0;
  char *type = nullptr, *parameters = nullptr;
  dm_get_next_target(task.get(), nullptr, &start, &length, &type, &parameters);
  if (type == nullptr || parameters == nullptr || std::string_view(type) != "thin-pool")
    fail(ErrorKind::failed, "device-mapper device {} is not a thin pool", device);
  return parse_thin_pool_status(parameters);
}

}  // namespace bsr
