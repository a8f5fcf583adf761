#include "bsr-recv/holding.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/error.h"
#include "formats/digest.h"
#include "platform/file_lock.h"
#include "platform/file_mark.h"
#include "platform/small_file.h"

namespace bsr {
namespace {

bool is_block_device(int fd) {
  struct stat facts {};
  return fstat(fd, &facts) == 0 && S_ISBLK(facts.st_mode);
}

std::optional<UniqueFd> our_folder() {
  UniqueFd folder(open(CheckpointFile::kFolder, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (folder) return folder;
  if (errno != ENOENT) fail_errno(errno, CheckpointFile::kFolder);
  return std::nullopt;
}

/// When a file was last written to; a device does not say.
std::string last_write(int fd) {
  struct stat facts {};
  if (fstat(fd, &facts) != 0) fail_errno(errno, "looking at a target");
  if (S_ISBLK(facts.st_mode)) return "-";
  return fmt::format("{}.{:09}", facts.st_mtim.tv_sec, facts.st_mtim.tv_nsec);
}

/// "SNAPSHOT STATE LAST-WRITE\n"
std::string text_of(const Holding& holding, const std::string& written) {
  return fmt::format("{} {} {}\n", holding.snapshot_id, to_hex(holding.state), written);
}

std::optional<Holding> parse(std::string_view text, const std::string& written) {
  const size_t space = text.find(' ');
  constexpr size_t kDigits = 2 * sizeof(SourceState);
  if (space == std::string_view::npos || text.size() < space + 1 + kDigits) return std::nullopt;
  Holding holding{std::string(text.substr(0, space))};
  if (!from_hex(text.substr(space + 1, kDigits), holding.state)) return std::nullopt;
  if (text != text_of(holding, written)) return std::nullopt;
  return holding;
}

}  // namespace

HoldingNote::HoldingNote(int fd, std::string identity)
    : fd_(fd),
      is_device_(is_block_device(fd)),
      identity_(std::move(identity)),
      name_(CheckpointFile::name_of_device("holds", identity_)) {}

std::optional<Holding> HoldingNote::read() const {
  if (!is_device_) {
    const std::optional<std::string> text = read_mark(fd_, Mark::holds);
    return text ? parse(*text, last_write(fd_)) : std::nullopt;
  }
  const std::optional<UniqueFd> folder = our_folder();
  if (!folder) return std::nullopt;
  const std::optional<std::string> text = read_small_file(folder->get(), name_);
  if (!text || !text->starts_with(identity_ + '\n')) return std::nullopt;
  return parse(std::string_view(*text).substr(identity_.size() + 1), last_write(fd_));
}

bool HoldingNote::write(const Holding& holding) const {
  if (holding.state == SourceState{}) return true;
  const std::string text = text_of(holding, last_write(fd_));
  if (!is_device_) return set_mark(fd_, Mark::holds, text);
  const UniqueFd folder = open_private_folder(CheckpointFile::kFolder);
  replace_small_file(folder.get(), name_, identity_ + '\n' + text);
  return true;
}

void HoldingNote::remove() const {
  if (!is_device_) return remove_mark(fd_, Mark::holds);
  if (const std::optional<UniqueFd> folder = our_folder()) remove_small_file(folder->get(), name_);
}

}  // namespace bsr
