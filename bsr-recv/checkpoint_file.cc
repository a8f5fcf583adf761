#include "bsr-recv/checkpoint_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "base/error.h"
#include "formats/resume_token.h"
#include "platform/file_lock.h"
#include "platform/small_file.h"

namespace bsr {
namespace {

UniqueFd open_folder(const std::string& path) {
  UniqueFd folder(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder) fail_errno(errno, path);
  return folder;
}

}  // namespace

std::optional<Checkpoint> CheckpointFile::read(const std::string& target) const try {
  const std::optional<std::string> text = read_small_file(open_folder(folder_).get(), name_);
  if (!text) return std::nullopt;
  const size_t end = text->find('\n');
  if (end == std::string::npos || text->back() != '\n') return std::nullopt;
  if (text->substr(end + 1) != target + '\n') return std::nullopt;
  return Checkpoint{target, decode_started(text->substr(0, end)).begin};
} catch (const Error&) {
  return std::nullopt;
}

void CheckpointFile::write(const Checkpoint& checkpoint) const {
  const UniqueFd folder =
      kind_ == Folder::ours ? open_private_folder(folder_) : open_folder(folder_);
  replace_small_file(folder.get(), name_,
                     encode_token({checkpoint.begin}) + '\n' + checkpoint.target + '\n');
}

void CheckpointFile::remove() const {
  const UniqueFd folder(open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  const int why = errno;
  if (folder) return remove_small_file(folder.get(), name_);
  if (access(path().c_str(), F_OK) == 0 || errno != ENOENT) fail_errno(why, folder_);
}

}  // namespace bsr
