// Children by posix_spawn, watched through a pidfd and two non-blocking pipes.
#include "platform/process.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <optional>
#include <string_view>
#include <utility>

#include "base/error.h"
#include "platform/signals.h"
#include "platform/unique_fd.h"

namespace bsr {
namespace {

using std::chrono::milliseconds;

constexpr size_t kOutputLimit = size_t{64} << 20;
constexpr size_t kErrorTextLimit = 16 << 10;  // what is kept of standard error
constexpr size_t kErrorTextShown = 2000;      // what a message has of it
constexpr milliseconds kStopInterval{100};    // how late a stop signal may be noticed
constexpr milliseconds kTermGrace{2000};

std::string_view package_of(std::string_view program) {
  if (program == "dmsetup") return "dmsetup";
  if (program.starts_with("thin_")) return "thin-provisioning-tools";
  if (program.starts_with("lv") || program.starts_with("vg") || program.starts_with("pv"))
    return "lvm2";
  return {};
}

bool is_program(const std::string& path) { return access(path.c_str(), X_OK) == 0; }

/// Relative folders of PATH are passed over: what root runs must not depend on where it stands.
std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  const char* path = getenv("PATH");
  const std::string folders =
      std::string(path == nullptr ? "" : path) + ":/usr/sbin:/sbin:/usr/bin:/bin";
  for (size_t begin = 0; begin <= folders.size();) {
    const size_t end = std::min(folders.find(':', begin), folders.size());
    std::string program = folders.substr(begin, end - begin);
    const bool absolute = program.starts_with('/');
    program.append(1, '/').append(name);
    if (absolute && is_program(program)) return program;
    begin = end + 1;
  }
  const std::string_view package = package_of(name);
  if (package.empty()) fail(ErrorKind::failed, "program {} not found", name);
  fail(ErrorKind::failed, "program {} not found; install the package {}", name, package);
}

/// LVM prints some messages to its standard output, between the lines of a report too, unless it is
/// told to put messages elsewhere.
constexpr std::array kEnvironment{
    std::pair{"LC_ALL", "C"}, std::pair{"LVM_SUPPRESS_FD_WARNINGS", "1"},
    std::pair{"LVM_OUT_FD", "2"}, std::pair{"LVM_ERR_FD", "2"}, std::pair{"LVM_REPORT_FD", "1"}};

std::vector<std::string> child_environment() {
  std::vector<std::string> result;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text = *entry;
    const std::string_view name = text.substr(0, text.find('='));
    if (std::ranges::none_of(kEnvironment, [&](const auto& ours) { return ours.first == name; }))
      result.emplace_back(text);
  }
  for (const auto& [name, value] : kEnvironment)
    result.push_back(fmt::format("{}={}", name, value));
  return result;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  result.reserve(strings.size() + 1);
  for (std::string& text : strings) result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

struct Pipe {
  UniqueFd read_end, write_end;
};

/// Both ends lie above 2, where the child's dup2() calls cannot hit them before their turn.
Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) fail_errno(errno, "making a pipe");
  Pipe result{UniqueFd(ends[0]), UniqueFd(ends[1])};
  for (UniqueFd* end : {&result.read_end, &result.write_end}) {
    if (end->get() > STDERR_FILENO) continue;
    const int above = fcntl(end->get(), F_DUPFD_CLOEXEC, STDERR_FILENO + 1);
    if (above < 0) fail_errno(errno, "making a pipe");
    end->reset(above);
  }
  if (fcntl(result.read_end.get(), F_SETFL, O_NONBLOCK) != 0) fail_errno(errno, "making a pipe");
  return result;
}

/// What posix_spawn is told, destroyed on every way out.
class SpawnPlan {
 public:
  SpawnPlan(int output, int error) {
    check(posix_spawn_file_actions_init(&actions_));
    check(posix_spawnattr_init(&attributes_));
    check(posix_spawn_file_actions_addopen(&actions_, STDIN_FILENO, "/dev/null", O_RDONLY, 0));
    check(posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO));
    check(posix_spawn_file_actions_adddup2(&actions_, error, STDERR_FILENO));
    sigset_t set;
    sigemptyset(&set);
    check(posix_spawnattr_setsigmask(&attributes_, &set));
    for (const int number : {SIGPIPE, SIGXFSZ, SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGCHLD})
      sigaddset(&set, number);
    check(posix_spawnattr_setsigdefault(&attributes_, &set));
    check(posix_spawnattr_setpgroup(&attributes_, 0));
    check(posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP));
  }
  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;
  ~SpawnPlan() {
    posix_spawnattr_destroy(&attributes_);
    posix_spawn_file_actions_destroy(&actions_);
  }

  pid_t start(const std::string& path, std::vector<std::string> argv) {
    std::vector<std::string> environment = child_environment();
    pid_t pid = -1;
    const int error = posix_spawn(&pid, path.c_str(), &actions_, &attributes_,
                                  pointers(argv).data(), pointers(environment).data());
    if (error != 0) fail_errno(error, fmt::format("starting {}", path));
    return pid;
  }

 private:
  static void check(int error) {
    if (error != 0) fail_errno(error, "preparing to start a program");
  }

  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

/// The last lines, in one: what a program writes may hold terminal control sequences.
std::string last_lines(std::string_view text) {
  std::string result;
  if (text.size() > kErrorTextShown) text = text.substr(text.size() - kErrorTextShown);
  for (const char letter : text) {
    if (letter != '\n') {
      const bool control = static_cast<unsigned char>(letter) < 0x20 || letter == 0x7f;
      if (!(control || letter == ' ') || (!result.empty() && result.back() != ' '))
        result += control ? ' ' : letter;
    } else if (!result.empty() && !result.ends_with("; ")) {
      result += "; ";
    }
  }
  while (result.ends_with(' ') || result.ends_with(';')) result.pop_back();
  return result;
}

}  // namespace

class ChildOutput::Child {
 public:
  Child(std::vector<std::string> argv, OnStop on_stop) : name_(argv.at(0)), on_stop_(on_stop) {
    const std::string path = find_program(name_);
    Pipe output = make_pipe();
    Pipe error = make_pipe();
    pid_ = SpawnPlan(output.write_end.get(), error.write_end.get()).start(path, std::move(argv));
    output_ = std::move(output.read_end);
    error_ = std::move(error.read_end);
    pid_fd_.reset(static_cast<int>(syscall(SYS_pidfd_open, pid_, 0)));
    if (!pid_fd_) {
      const int number = errno;
      stop();
      fail_errno(number, "watching " + name_);
    }
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  ~Child() { stop(); }

  size_t read(std::span<std::byte> into) {
    if (into.empty()) return 0;
    while (output_) {
      const bool ended = wait_for_something();
      take_error_text();
      const ssize_t count = ::read(output_.get(), into.data(), into.size());
      if (count > 0) return static_cast<size_t>(count);
      if (count < 0 && errno != EAGAIN && errno != EINTR)
        fail_errno(errno, "reading the output of " + name_);
      // A daemon that the program left behind may hold the pipe open for ever.
      if (count == 0 || (ended && errno == EAGAIN)) output_.reset();
    }
    return 0;
  }

  std::string end() {
    std::array<std::byte, 16384> dropped;
    while (read(dropped) > 0) {
    }
    while (!wait_for_something()) take_error_text();
    take_error_text();
    reap(0);
    if (WIFEXITED(status_) && WEXITSTATUS(status_) == 0) return "";
    const std::string how = WIFEXITED(status_)
                                ? fmt::format("exit status {}", WEXITSTATUS(status_))
                                : fmt::format("killed by signal {}", WTERMSIG(status_));
    const std::string said = last_lines(error_text_);
    return fmt::format("{} failed ({}){}{}", name_, how, said.empty() ? "" : ": ", said);
  }

 private:
  /// Returns when there is output or error text to take (false) or the program has ended (true).
  bool wait_for_something() {
    while (true) {
      if (on_stop_ == OnStop::give_up) throw_if_stopped();
      std::array<pollfd, 3> watched{pollfd{pid_fd_.get(), POLLIN, 0},
                                    pollfd{output_.get(), POLLIN, 0},
                                    pollfd{error_.get(), POLLIN, 0}};  // -1 is passed over
      const int count = poll(watched.data(), watched.size(), kStopInterval.count());
      if (count < 0 && errno != EINTR) fail_errno(errno, "waiting for " + name_);
      if (count > 0) return watched[0].revents != 0;
    }
  }

  void take_error_text() {
    std::array<char, 4096> bytes;
    while (error_) {
      const ssize_t count = ::read(error_.get(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0 && errno == EAGAIN) return;
      if (count <= 0) return error_.reset();
      error_text_.append(bytes.data(), static_cast<size_t>(count));
      if (error_text_.size() > kErrorTextLimit)
        error_text_.erase(0, error_text_.size() - kErrorTextLimit);
    }
  }

  /// False when the program still runs (only with WNOHANG).
  bool reap(int flags) noexcept {
    while (pid_ > 0) {
      const pid_t got = waitpid(pid_, &status_, flags);
      if (got == 0) return false;
      if (got < 0 && errno == EINTR) continue;
      pid_ = -1;
    }
    return true;
  }

  void stop() noexcept {
    output_.reset();
    error_.reset();
    if (reap(WNOHANG)) return;
    kill(pid_, SIGTERM);
    const auto deadline = std::chrono::steady_clock::now() + kTermGrace;
    while (std::chrono::steady_clock::now() < deadline) {
      pollfd watched{pid_fd_.get(), POLLIN, 0};
      poll(&watched, 1, 20);
      if (reap(WNOHANG)) return;
    }
    kill(pid_, SIGKILL);
    reap(0);
  }

  std::string name_;
  OnStop on_stop_;
  pid_t pid_ = -1;  // -1 once reaped
  int status_ = 0;
  UniqueFd pid_fd_, output_, error_;
  std::string error_text_;
};

ChildOutput::ChildOutput(std::vector<std::string> argv, OnStop on_stop)
    : child_(std::make_unique<Child>(std::move(argv), on_stop)) {}
ChildOutput::ChildOutput(ChildOutput&&) noexcept = default;
ChildOutput& ChildOutput::operator=(ChildOutput&&) noexcept = default;
ChildOutput::~ChildOutput() = default;
size_t ChildOutput::read(std::span<std::byte> into) { return child_->read(into); }
std::string ChildOutput::end() { return child_->end(); }
void ChildOutput::finish() {
  if (const std::string failure = end(); !failure.empty()) fail(ErrorKind::failed, "{}", failure);
}

Outcome run_to_end(const std::vector<std::string>& argv, OnStop on_stop) {
  ChildOutput child(argv, on_stop);
  std::string output;
  std::vector<std::byte> bytes(64 << 10);
  while (const size_t count = child.read(bytes)) {
    if (output.size() + count > kOutputLimit)
      fail(ErrorKind::failed, "{} wrote more than {} MiB, which cannot be right", argv.at(0),
           kOutputLimit >> 20);
    output.append(reinterpret_cast<const char*>(bytes.data()), count);
  }
  return {std::move(output), child.end()};
}

std::string run(const std::vector<std::string>& argv, OnStop on_stop) {
  Outcome outcome = run_to_end(argv, on_stop);
  if (!outcome.failure.empty()) fail(ErrorKind::failed, "{}", outcome.failure);
  return std::move(outcome.output);
}

}  // namespace bsr
