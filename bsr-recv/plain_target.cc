#include "bsr-recv/plain_target.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "bsr-recv/content_check.h"
#include "platform/block_identity.h"
#include "platform/small_file.h"
#include "platform/thin_device.h"

namespace bsr {
namespace {

constexpr const char* kSuffix = ".bsr-resume";

std::optional<BlockFile> open_existing(const std::string& path) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) {
    if (errno != ENOENT) fail_errno(errno, path);
    if (path.starts_with("/dev/") && !path.starts_with("/dev/shm/"))
      fail(ErrorKind::failed,
           "{}: there is no such device; if it is a logical volume, activate it first", path);
    return std::nullopt;
  }
  BlockFile file(path, BlockFile::Access::write);
  if (flock(file.fd(), LOCK_EX | LOCK_NB) != 0)
    fail(ErrorKind::busy, "{}: another program has locked it; wait for that to end", path);
  return file;
}

/// Beside a file; for a device in our own folder, since /dev does not last.
CheckpointFile checkpoint_file(const std::string& path, bool is_device) {
  if (!is_device) {
    const size_t slash = path.rfind('/');
    return {folder_of(path), path.substr(slash == std::string::npos ? 0 : slash + 1) + kSuffix,
            CheckpointFile::Folder::any};
  }
  std::string name = "recv:" + path;
  std::ranges::replace(name, '/', ':');
  return {CheckpointFile::kFolder, name, CheckpointFile::Folder::ours};
}

}  // namespace

PlainTarget::PlainTarget(std::string path, std::optional<std::string> base)
    : path_(std::move(path)),
      base_(std::move(base)),
      existing_(open_existing(path_)),
      checkpoint_(checkpoint_file(path_, existing_ && existing_->is_block_device())) {
  exists_ = existing_.has_value();
}

std::string PlainTarget::written_volume() const {
  struct stat facts {};
  const std::string path = exists_ ? path_ : NewFile::partial_path(path_);
  if (stat(path.c_str(), &facts) != 0) return "";
  if (S_ISBLK(facts.st_mode)) return block_device_identity(facts.st_rdev, existing_size());
  return fmt::format("file {}:{}", facts.st_dev, facts.st_ino);
}

std::optional<BeginFrame> PlainTarget::partial() const {
  const std::string volume = written_volume();
  if (volume.empty()) return std::nullopt;
  std::optional<Checkpoint> checkpoint = checkpoint_.read(volume);
  if (!checkpoint) return std::nullopt;
  return std::move(checkpoint->begin);
}

void PlainTarget::drop_partial() {
  checkpoint_.remove();
  if (!exists_ && !written_volume().empty()) const NewFile gone(path_, NewFile::Kind::partial);
}

uint64_t PlainTarget::existing_size() const {
  if (!exists_)
    fail(ErrorKind::base, "{}: does not exist; make it with the volume's size first", path_);
  return existing_->size();
}

void PlainTarget::check_size(const BeginFrame& begin) const {
  const uint64_t size = existing_->size();
  // A file was given its new size before anything was written to it.
  const bool has_new_size = existing_->is_block_device() || begin.resume.position != 0;
  const uint64_t wanted = has_new_size || begin.is_full() ? begin.volume_size : begin.base_size;
  if (size != wanted)
    fail(ErrorKind::base, "{}: holds {} bytes where {} belong; give a target of the right size",
         path_, size, wanted);
}

void PlainTarget::check_base(const BeginFrame& begin) const {
  if (begin.is_full()) {
    if (base_)
      fail(ErrorKind::usage, "--base {}: this is a full stream, it needs no base; leave --base out",
           *base_);
    return;
  }
  if (!base_ && begin.resume.position == 0 &&
      !is_content_identity(begin.base_id))  // what resumes is compared with its checkpoint
    fail(ErrorKind::base,
         "{}: the stream is a change to snapshot {}; if that is what the target holds, say "
         "--base {}",
         path_, begin.base_id, begin.base_id);
  if (base_ && *base_ != begin.base_id)
    fail(ErrorKind::base,
         "{}: the stream is a change to snapshot {}, the target holds {}; send a change to that, "
         "or a full stream",
         path_, begin.base_id, *base_);
  if (!exists_)
    fail(ErrorKind::base,
         "{}: does not exist, and the stream is only a change; send a full stream first", path_);
}

void PlainTarget::check(const BeginFrame& begin) {
  check_base(begin);
  if (exists_) check_size(begin);
  is_resync_ = is_content_identity(begin.base_id);
  if (!is_resync_) return;
  check_resync_base(path_, begin,
                    scan_file(
                        *existing_, [](const Digest&) {}, [](uint64_t) {})
                        .root);
}

VolumeSink& PlainTarget::prepare(const BeginFrame& begin) {
  if (begin.resume.position == 0) checkpoint_.remove();
  if (!exists_) {
    new_file_.emplace(
        path_, begin.resume.position == 0 ? NewFile::Kind::partial : NewFile::Kind::continued);
    existing_.emplace(NewFile::partial_path(path_), BlockFile::Access::write);
  }
  if (!existing_->is_block_device() && existing_->size() != begin.volume_size)
    existing_->resize(begin.volume_size);
  const std::optional<ThinFacts> thin =
      existing_->is_block_device() ? thin_facts(existing_->fd()) : std::nullopt;
  sink_.emplace(std::move(*existing_), thin);
  return *sink_;
}

VolumeReader& PlainTarget::written() {
  if (!reader_) reader_.emplace(sink_->file());
  return *reader_;
}

std::string PlainTarget::after_failure() const {
  if (!sink_ || !exists_) return Target::after_failure();
  if (is_resync_)
    return "it was being written in place and holds neither the old nor the new state; take its "
           "digests (bsr-recv --digests) and send against them";
  return "it was being written in place and holds neither the old nor the new state; send a full "
         "stream";
}

void PlainTarget::record(const BeginFrame& begin) {
  checkpoint_.write({written_volume(), begin});
  if (new_file_) new_file_->keep();
}

ContentResult PlainTarget::content(const BeginFrame&, const std::function<void()>& tick) {
  return scan_file(
      sink_->file(), [&](const Digest&) { tick(); }, [&](uint64_t) { tick(); });
}

void PlainTarget::discard() {
  checkpoint_.remove();
  if (new_file_) new_file_->drop();
}

void PlainTarget::commit(const BeginFrame&) {
  if (new_file_) new_file_->commit();
  checkpoint_.remove();
}

}  // namespace bsr
