#include "platform/content_store.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <memory>

#include "base/error.h"
#include "formats/digest.h"
#include "platform/file_lock.h"
#include "platform/small_file.h"

namespace bsr {
namespace {

/// Names of all files in a folder.
std::vector<std::string> names_in(const UniqueFd& folder, const std::string& path) {
  const int copy = openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(copy < 0 ? nullptr : fdopendir(copy), closedir);
  if (!entries) fail_errno(errno, path);
  std::vector<std::string> names;
  while (const dirent* entry = readdir(entries.get()))  // NOLINT(concurrency-mt-unsafe)
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  return names;
}

constexpr char kStateMark = '@';              // before the state, in no UUID
constexpr std::string_view kDraft = ".new-";  // behind the name of one that is being named

std::string_view volume_of(std::string_view name) { return name.substr(0, name.find(kStateMark)); }

bool is_draft(std::string_view name) { return name.find(kDraft) != std::string_view::npos; }

}  // namespace

std::string map_name(const std::string& uuid, const SourceState& state) {
  return uuid + kStateMark + to_hex(state);
}

UniqueFd ContentStore::open_folder() const {
  static_cast<void>(open_private_folder(folder_of(folder_)));
  return open_private_folder(folder_);
}

std::optional<ContentMap> ContentStore::find(const std::string& name, uint64_t volume_size) const
    try {
  struct stat facts {};
  if (stat(folder_.c_str(), &facts) != 0) return std::nullopt;
  UniqueFd file(
      openat(open_folder().get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!file) return std::nullopt;
  ContentMap map(std::move(file), name);
  if (map.volume_size() != volume_size) return std::nullopt;
  return map;
} catch (const Error& error) {
  if (error.kind() == ErrorKind::interrupted) throw;
  return std::nullopt;
}

void ContentStore::remove(const std::string& name) const noexcept {
  static_cast<void>(unlink((folder_ + '/' + name).c_str()));
}

void ContentStore::remove_all_but(const std::function<std::vector<std::string>()>& living) const {
  const UniqueFd folder = open_folder();
  const std::vector<std::string> names = names_in(folder, folder_);
  const std::vector<std::string> stay = living();
  for (const std::string& name : names)
    if (is_draft(name) || std::ranges::find(stay, volume_of(name)) == stay.end())
      unlinkat(folder.get(), name.c_str(), 0);
}

template <typename Step>
void ContentDraft::attempt(const Step& step) noexcept {
  if (failure_) return;
  try {
    step();
  } catch (...) {
    failure_ = std::current_exception();
  }
}

ContentDraft::ContentDraft(const ContentStore& store) noexcept {
  attempt([&] {
    folder_ = store.open_folder();
    file_ = UniqueFd(openat(folder_.get(), ".", O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!file_) fail_errno(errno, store.folder_ + ": cannot make a file");
    writer_.emplace(file_.get());
  });
}

void ContentDraft::add(const Digest& leaf) noexcept {
  attempt([&] { writer_->add(leaf); });
}

void ContentDraft::add_zeros(uint64_t count) noexcept {
  attempt([&] { writer_->add_zeros(count); });
}

void ContentDraft::finish(const ContentMapHeader& header) noexcept {
  attempt([&] { writer_->finish(header); });
}

void ContentDraft::keep(const std::string& name) {
  if (failure_) std::rethrow_exception(failure_);
  // A file without a name can be given one, but not in place of another.
  const std::string draft = fmt::format("{}{}{}", name, kDraft, getpid());
  const std::string ours = fmt::format("/proc/self/fd/{}", file_.get());
  if (fsync(file_.get()) != 0 ||
      linkat(AT_FDCWD, ours.c_str(), folder_.get(), draft.c_str(), AT_SYMLINK_FOLLOW) != 0 ||
      renameat(folder_.get(), draft.c_str(), folder_.get(), name.c_str()) != 0 ||
      fsync(folder_.get()) != 0)
    fail_errno(errno, "keeping the content map of " + name);
  for (const std::string& other : names_in(folder_, "content maps"))
    if (other != name && !is_draft(other) && volume_of(other) == volume_of(name))
      unlinkat(folder_.get(), other.c_str(), 0);
}

}  // namespace bsr
