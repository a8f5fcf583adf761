#include "bsr-recv/plain_target.h"

#include <sys/file.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/error.h"
#include "platform/thin_device.h"

namespace bsr {
namespace {

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

}  // namespace

PlainTarget::PlainTarget(std::string path, std::optional<std::string> base)
    : path_(std::move(path)), base_(std::move(base)), existing_(open_existing(path_)) {
  exists_ = existing_.has_value();
}

uint64_t PlainTarget::existing_size() const {
  if (!exists_)
    fail(ErrorKind::base, "{}: does not exist; make it with the volume's size first", path_);
  return existing_->size();
}

void PlainTarget::check_size(const BeginFrame& begin) const {
  const uint64_t size = existing_->size();
  const uint64_t wanted =
      existing_->is_block_device() || begin.is_full() ? begin.volume_size : begin.base_size;
  if (size != wanted)
    fail(ErrorKind::base, "{}: holds {} bytes where {} belong; give a target of the right size",
         path_, size, wanted);
}

void PlainTarget::check(const BeginFrame& begin) {
  if (begin.is_full()) {
    if (base_)
      fail(ErrorKind::usage, "--base {}: this is a full stream, it needs no base; leave --base out",
           *base_);
  } else {
    if (!base_)
      fail(ErrorKind::base,
           "{}: the stream is a change to snapshot {}; if that is what the target holds, say "
           "--base {}",
           path_, begin.base_id, begin.base_id);
    if (*base_ != begin.base_id)
      fail(ErrorKind::base,
           "{}: the stream is a change to snapshot {}, the target holds {}; send a change to that, "
           "or a full stream",
           path_, begin.base_id, *base_);
    if (!exists_)
      fail(ErrorKind::base,
           "{}: does not exist, and the stream is only a change; send a full stream first", path_);
  }
  if (exists_) check_size(begin);
}

VolumeSink& PlainTarget::prepare(const BeginFrame& begin) {
  if (!exists_) {
    new_file_.emplace(path_);
    existing_.emplace(new_file_->temporary_path(), BlockFile::Access::write);
  }
  if (!existing_->is_block_device() && existing_->size() != begin.volume_size)
    existing_->resize(begin.volume_size);
  const std::optional<ThinFacts> thin =
      existing_->is_block_device() ? thin_facts(existing_->fd()) : std::nullopt;
  sink_.emplace(std::move(*existing_), thin);
  return *sink_;
}

std::string PlainTarget::after_failure() const {
  if (!sink_ || !exists_) return Target::after_failure();
  return "it was being written in place and holds neither the old nor the new state; send a full "
         "stream";
}

void PlainTarget::commit(const BeginFrame&) {
  if (new_file_) new_file_->commit();
}

}  // namespace bsr
