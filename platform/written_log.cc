#include "platform/written_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "formats/digest.h"
#include "platform/small_file.h"
#include "platform/spool.h"

namespace bsr {
namespace {

constexpr size_t kPart = 64 * 1024;

UniqueFd open_log(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600));
  if (!fd) fail_errno(errno, path);
  return fd;
}

}  // namespace

WrittenLog::WrittenLog() : fd_(temporary_file()) {}

WrittenLog::WrittenLog(std::string path, uint64_t length)
    : path_(std::move(path)), fd_(open_log(path_)), written_out_(length) {
  struct stat facts {};
  if (fstat(fd_.get(), &facts) != 0) fail_errno(errno, path_);
  if (!S_ISREG(facts.st_mode)) fail(ErrorKind::failed, "{}: is not a regular file", path_);
  if (static_cast<uint64_t>(facts.st_size) < length)
    fail(ErrorKind::failed, "{}: has {} bytes where {} belong", path_, facts.st_size, length);
  if (ftruncate(fd_.get(), static_cast<off_t>(length)) != 0) fail_errno(errno, path_);
}

std::string WrittenLog::name() const {
  return path_.empty() ? "the temporary file (set TMPDIR to another folder)" : path_;
}

void WrittenLog::add(const WrittenEntry& entry) {
  append_entry(entry, buffer_);
  if (buffer_.size() >= kPart) write_out();
}

void WrittenLog::write_out() {
  ByteView rest = buffer_;
  uint64_t offset = written_out_;
  while (!rest.empty()) {
    const ssize_t done = pwrite(fd_.get(), rest.data(), rest.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) fail_errno(done == 0 ? ENOSPC : errno, fmt::format("cannot write {}", name()));
    offset += static_cast<uint64_t>(done);
    rest = rest.subspan(static_cast<size_t>(done));
  }
  written_out_ = offset;
  buffer_.clear();
}

void WrittenLog::sync() const {
  if (path_.empty()) return;  // nobody will find it
  if (fdatasync(fd_.get()) != 0) fail_errno(errno, fmt::format("cannot flush {}", path_));
  const UniqueFd folder(open(folder_of(path_).c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!folder || fsync(folder.get()) != 0) fail_errno(errno, folder_of(path_) + ": cannot flush");
}

void WrittenLog::Reader::load() {
  Bytes part(rest_.begin(), rest_.end());
  const size_t kept = part.size();
  part.resize(kept + std::min<uint64_t>(std::max(kPart, kMaxEntrySize), to_ - loaded_));
  size_t end = kept;
  while (end < part.size()) {
    const ssize_t got =
        pread(log_.fd_.get(), part.data() + end, part.size() - end, static_cast<off_t>(loaded_));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_errno(errno, fmt::format("cannot read {}", log_.name()));
    if (got == 0) break;
    end += static_cast<size_t>(got);
    loaded_ += static_cast<uint64_t>(got);
  }
  if (end < part.size())
    fail(ErrorKind::failed, "{}: ends at byte {} while more was expected", log_.name(), loaded_);
  part_ = std::move(part);
  rest_ = part_;
}

std::optional<WrittenEntry> WrittenLog::Reader::next() {
  const auto take = [&] {
    const size_t before = rest_.size();
    std::optional<WrittenEntry> entry = take_entry(rest_);
    position_ += before - rest_.size();
    return entry;
  };
  if (position_ == to_) return std::nullopt;
  if (std::optional<WrittenEntry> entry = take()) return entry;
  load();
  std::optional<WrittenEntry> entry = take();
  if (!entry) fail(ErrorKind::failed, "{}: ends within an entry", log_.name());
  return entry;
}

/// What a frame wrote is followed by the zeros that its gaps became; nothing else comes twice.
void TouchedExtents::take_batch() {
  uint64_t end = 0;
  do {
    for (const Extent& extent : ahead_->extents)
      batch_.push_back({extent, ahead_->hash ? DeltaKind::data : DeltaKind::unmap});
    end = std::max(end, ahead_->extents.back().end());
    ahead_ = entries_.next();
  } while (ahead_ && ahead_->extents.front().offset < end);
  std::ranges::sort(batch_, {}, [](const DeltaExtent& one) { return one.extent.offset; });
}

std::optional<DeltaExtent> TouchedExtents::next() {
  if (batch_.empty() && ahead_) take_batch();
  if (batch_.empty()) return std::nullopt;
  const DeltaExtent first = batch_.front();
  batch_.pop_front();
  return first;
}

void LoggedSink::write(std::span<const Extent> extents, AlignedBytes content) {
  log_.add(
      {{extents.begin(), extents.end()}, content_hash(stream::FrameType::data, extents, content)});
  sink_.write(extents, std::move(content));
}

void LoggedSink::zero(Extent extent) {
  log_.add({{extent}, std::nullopt});
  sink_.zero(extent);
}

}  // namespace bsr
