#include "bsr-recv/checkpoint_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "base/error.h"
#include "formats/digest.h"
#include "formats/resume_token.h"
#include "platform/file_lock.h"
#include "platform/small_file.h"

namespace bsr {
namespace {

std::optional<uint64_t> number_in(std::string_view text) {
  uint64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size())
    return std::nullopt;
  return value;
}

/// The lines of a text that ends with one.
std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  size_t begin = 0;
  for (size_t end = 0; (end = text.find('\n', begin)) != std::string::npos; begin = end + 1)
    lines.push_back(text.substr(begin, end - begin));
  if (begin != text.size()) lines.clear();
  return lines;
}

UniqueFd open_any_folder(const std::string& path) {
  UniqueFd folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) fail_errno(errno, path);
  return folder;
}

/// Bytes of a file, if it is one.
uint64_t size_in(const UniqueFd& folder, const std::string& name) {
  struct stat facts {};
  if (fstatat(folder.get(), name.c_str(), &facts, AT_SYMLINK_NOFOLLOW) != 0) return 0;
  return S_ISREG(facts.st_mode) ? static_cast<uint64_t>(facts.st_size) : 0;
}

}  // namespace

std::string CheckpointFile::name_of_device(std::string_view what, const std::string& identity) {
  Sha256 sum;
  sum.update(std::as_bytes(std::span(identity)));
  return fmt::format("{}:device:{}", what, to_hex(sum.finish()).substr(0, 32));
}

UniqueFd CheckpointFile::open_folder() const {
  return kind_ == Folder::ours ? open_private_folder(folder_) : open_any_folder(folder_);
}

std::optional<Checkpoint> CheckpointFile::read(const std::string& target) const try {
  const UniqueFd folder = open_any_folder(folder_);
  const std::optional<std::string> text = read_small_file(folder.get(), name_);
  if (!text) return std::nullopt;
  const std::vector<std::string> lines = lines_of(*text);
  if (lines.size() != 3 || lines[1] != target) return std::nullopt;
  const std::optional<uint64_t> logged = number_in(lines[2]);
  if (!logged || size_in(folder, log_name()) < *logged) return std::nullopt;
  return Checkpoint{target, decode_started(lines[0]).begin, *logged};
} catch (const Error&) {
  return std::nullopt;
}

void CheckpointFile::write(const Checkpoint& checkpoint) const {
  replace_small_file(open_folder().get(), name_,
                     fmt::format("{}\n{}\n{}\n", encode_token({checkpoint.begin}),
                                 checkpoint.target, checkpoint.logged));
}

std::unique_ptr<WrittenLog> CheckpointFile::open_log(uint64_t logged) const {
  static_cast<void>(open_folder());  // which is made, where it is ours
  return std::make_unique<WrittenLog>(folder_ + '/' + log_name(), logged);
}

void CheckpointFile::remove(const std::string& name) const {
  const UniqueFd folder(open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const int why = errno;
  if (folder) return remove_small_file(folder.get(), name);
  if (access((folder_ + '/' + name).c_str(), F_OK) == 0 || errno != ENOENT)
    fail_errno(why, folder_);
}

void CheckpointFile::remove() const {
  remove(name_);
  remove_log();
}

void CheckpointFile::remove_log() const { remove(log_name()); }

}  // namespace bsr
