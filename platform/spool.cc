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

Spool::Spool() : fd_(temporary_file()) {}

void Spool::append(ByteView bytes) {
  bsr::append(buffer_, bytes);
  if (buffer_.size() >= kCopySize) write_out();
}

void Spool::write_out() {
  ByteView rest = buffer_;
  while (!rest.empty()) {
    const ssize_t done = pwrite(fd_.get(), rest.data(), rest.size(), static_cast<off_t>(size_));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0)
      fail_errno(done == 0 ? ENOSPC : errno,
                 "cannot write the temporary file (set TMPDIR to another folder)");
    size_ += static_cast<uint64_t>(done);
    rest = rest.subspan(static_cast<size_t>(done));
  }
  buffer_.clear();
}

Spool::Reader Spool::read() {
  if (!buffer_.empty()) write_out();  // only the first reader changes anything
  return Reader(*this);
}

Spool::Reader::Reader(const Spool& spool) : spool_(&spool) {}

std::optional<std::byte> Spool::Reader::next() {
  if (used_ == buffer_.size()) {
    buffer_.resize(kCopySize);
    ssize_t got = -1;
    do got = pread(spool_->fd_.get(), buffer_.data(), buffer_.size(), static_cast<off_t>(offset_));
    while (got < 0 && errno == EINTR);
    if (got < 0) fail_errno(errno, "cannot read the temporary file");
    buffer_.resize(static_cast<size_t>(got));
    offset_ += static_cast<uint64_t>(got);
    used_ = 0;
    if (got == 0) return std::nullopt;
  }
  return buffer_[used_++];
}

}  // namespace bsr
