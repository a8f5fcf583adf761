// pread and pwrite.
#include "platform/block_io.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/aligned_bytes.h"
#include "base/error.h"
#include "base/units.h"
#include "platform/patience.h"

namespace bsr {
namespace {

uint64_t size_of(int fd, const std::string& path, bool& is_block_device) {
  struct stat status {};
  if (fstat(fd, &status) != 0) fail_errno(errno, path);
  is_block_device = S_ISBLK(status.st_mode);
  if (is_block_device) {
    uint64_t size = 0;
    if (ioctl(fd, BLKGETSIZE64, &size) != 0) fail_errno(errno, path);
    return size;
  }
  if (!S_ISREG(status.st_mode))
    fail(ErrorKind::usage, "{}: neither a file nor a block device", path);
  return static_cast<uint64_t>(status.st_size);
}

bool is_block(const std::string& path) {
  struct stat status {};
  return stat(path.c_str(), &status) == 0 && S_ISBLK(status.st_mode);
}

UniqueFd open_volume(const std::string& path, BlockFile::Access access) {
  int flags = O_CLOEXEC | O_NONBLOCK | (access == BlockFile::Access::write ? O_RDWR : O_RDONLY);
  // Without O_CREAT, O_EXCL has a meaning for block devices only: nobody else claims it, no file
  // system is on it.
  if (access != BlockFile::Access::shared_read && is_block(path)) flags |= O_EXCL;
  UniqueFd fd;
  const Patience patience;
  do {
    fd.reset(open(path.c_str(), flags));
  } while (!fd && errno == EBUSY && patience.wait());
  if (!fd && errno == EBUSY)
    fail(ErrorKind::busy,
         "{}: in use (mounted, or held by another program); release it and try again", path);
  if (!fd) fail_errno(errno, path);
  // O_NONBLOCK was for the open, which a FIFO would hold.
  const int opened = fcntl(fd.get(), F_GETFL);
  if (opened < 0 || fcntl(fd.get(), F_SETFL, opened & ~O_NONBLOCK) != 0) fail_errno(errno, path);
  return fd;
}

/// The same file once more, whatever its path names by now. (A flag of a descriptor must not change
/// while requests are under way on it, so one that is sometimes direct will not do.)
UniqueFd open_direct(int fd, BlockFile::Access access, const std::string& path) {
  const int flags = O_CLOEXEC | O_DIRECT | (access == BlockFile::Access::write ? O_RDWR : O_RDONLY);
  UniqueFd direct(open(fmt::format("/proc/self/fd/{}", fd).c_str(), flags));
  if (!direct && errno != EINVAL && errno != ENOENT) fail_errno(errno, path);
  return direct;
}

[[noreturn]] void fail_too_large(const std::string& path, uint64_t bytes) {
  rlimit limit{};
  if (getrlimit(RLIMIT_FSIZE, &limit) == 0 && limit.rlim_cur < bytes)
    fail(ErrorKind::no_space,
         "{}: would have {}, and this process may make files of {} only; raise the limit (ulimit "
         "-f)",
         path, human_bytes(bytes), human_bytes(limit.rlim_cur));
  fail(ErrorKind::no_space,
       "{}: would have {}, and its file system holds no file of that size; use another file "
       "system, or a block device",
       path, human_bytes(bytes));
}

}  // namespace

BlockFile::BlockFile(std::string path, Access access)
    : path_(std::move(path)), cached_(open_volume(path_, access)) {
  size_ = size_of(cached_.get(), path_, is_block_device_);
  direct_ = open_direct(cached_.get(), access, path_);
}

std::optional<int> BlockFile::direct_fd(uint64_t offset, const void* memory, size_t length) const {
  const uint64_t all = offset | reinterpret_cast<uintptr_t>(memory) | length;
  if (!direct_ || all % kIoAlignment != 0) return std::nullopt;
  return direct_.get();
}

void BlockFile::read(uint64_t offset, std::span<std::byte> into) const {
  while (!into.empty()) {
    const int fd = fd_for(offset, into.data(), into.size());
    const ssize_t got = pread(fd, into.data(), into.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_errno(errno, fmt::format("{}: cannot read at byte {}", path_, offset));
    if (got == 0)
      fail(ErrorKind::failed, "{}: ends at byte {} while more was expected", path_, offset);
    offset += static_cast<uint64_t>(got);
    into = into.subspan(static_cast<size_t>(got));
  }
}

void BlockFile::write(uint64_t offset, ByteView bytes) const {
  while (!bytes.empty()) {
    const int fd = fd_for(offset, bytes.data(), bytes.size());
    const ssize_t done = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0)
      fail_errno(done == 0 ? ENOSPC : errno,
                 fmt::format("{}: cannot write at byte {}", path_, offset));
    offset += static_cast<uint64_t>(done);
    bytes = bytes.subspan(static_cast<size_t>(done));
  }
}

void BlockFile::flush() const {
  if (fdatasync(cached_.get()) != 0) fail_errno(errno, path_ + ": cannot flush");
}

void BlockFile::forget_cached(Extent extent) const {
  // Advice: what cannot be dropped is dirty or locked, and was not asked for.
  static_cast<void>(posix_fadvise(cached_.get(), static_cast<off_t>(extent.offset),
                                  static_cast<off_t>(extent.length), POSIX_FADV_DONTNEED));
}

Extent BlockFile::blocks_around(Extent extent) const {
  const uint64_t begin = extent.offset / kIoAlignment * kIoAlignment;
  const uint64_t end = (extent.end() + kIoAlignment - 1) / kIoAlignment * kIoAlignment;
  return {begin, std::max(extent.end(), std::min(end, size_)) - begin};
}

std::optional<Extent> BlockFile::next_data(uint64_t offset) const {
  if (offset >= size_) return std::nullopt;
  if (is_block_device_) return Extent{offset, size_ - offset};
  const off_t begin = lseek(cached_.get(), static_cast<off_t>(offset), SEEK_DATA);
  if (begin < 0 && errno == ENXIO) return std::nullopt;
  const off_t end = begin < 0 ? begin : lseek(cached_.get(), begin, SEEK_HOLE);
  if (end < 0) fail_errno(errno, path_ + ": cannot find its holes");
  return Extent{static_cast<uint64_t>(begin), static_cast<uint64_t>(end - begin)};
}

void BlockFile::resize(uint64_t bytes) {
  if (ftruncate(cached_.get(), static_cast<off_t>(bytes)) != 0) {
    if (errno == EFBIG) fail_too_large(path_, bytes);
    fail_errno(errno, path_ + ": cannot resize");
  }
  size_ = bytes;
}

}  // namespace bsr
