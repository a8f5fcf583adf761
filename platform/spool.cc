#include "platform/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string>

#include "base/error.h"

namespace bsr {
namespace {

constexpr size_t kCopySize = 64 * 1024;

}  // namespace

UniqueFd temporary_file() {
  const char* folder =
      std::getenv("TMPDIR");  // NOLINT(concurrency-mt-unsafe): nothing here sets it
  const std::string path = folder != nullptr && *folder != '\0' ? folder : "/var/tmp";
  UniqueFd fd(open(path.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC | O_EXCL, 0600));
  if (fd || (errno != EOPNOTSUPP && errno != EISDIR)) {
    if (!fd)
      fail_errno(errno, path + ": cannot make a temporary file (set TMPDIR to another folder)");
    return fd;
  }
  std::string name = path + "/bsr-XXXXXX";  // a file system without O_TMPFILE
  fd = UniqueFd(mkostemp(name.data(), O_CLOEXEC));
  if (!fd)
    fail_errno(errno, path + ": cannot make a temporary file (set TMPDIR to another folder)");
  unlink(name.c_str());
  return fd;
}

void TemporaryFile::write(uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t done = pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0)
      fail_errno(done == 0 ? ENOSPC : errno,
                 "cannot write the temporary file (set TMPDIR to another folder)");
    offset += static_cast<uint64_t>(done);
    bytes = bytes.subspan(static_cast<size_t>(done));
  }
}

size_t TemporaryFile::read(uint64_t offset, std::span<std::byte> into) const {
  size_t got = 0;
  while (got < into.size()) {
    const ssize_t done =
        pread(fd_.get(), into.data() + got, into.size() - got, static_cast<off_t>(offset + got));
    if (done < 0 && errno == EINTR) continue;
    if (done < 0) fail_errno(errno, "cannot read the temporary file");
    if (done == 0) break;
    got += static_cast<size_t>(done);
  }
  return got;
}

void Spool::append(ByteView bytes) {
  bsr::append(buffer_, bytes);
  if (buffer_.size() >= kCopySize) write_out();
}

void Spool::write_out() {
  if (!file_) file_.emplace();
  file_->write(size_, buffer_);
  size_ += buffer_.size();
  buffer_.clear();
}

Bytes Spool::part_at(uint64_t offset) const {
  if (offset >= size_) {
    const ByteView rest = ByteView(buffer_).subspan(offset - size_);
    return {rest.begin(), rest.end()};
  }
  Bytes part(kCopySize);
  part.resize(file_->read(offset, part));
  return part;
}

std::optional<std::byte> Spool::Reader::next() {
  if (used_ == part_.size()) {
    part_ = spool_->part_at(offset_);
    offset_ += part_.size();
    used_ = 0;
    if (part_.empty()) return std::nullopt;
  }
  return part_[used_++];
}

}  // namespace bsr
