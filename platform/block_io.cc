// pread, pwrite, fallocate and the block ioctls.
#include "platform/block_io.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/aligned_bytes.h"
#include "base/error.h"

namespace bsr {
namespace {

constexpr size_t kWritesAtOnce = 8;
constexpr uint64_t kPiece = 1U << 20;  // of zeroing by hand

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

UniqueFd open_volume(const std::string& path, BlockFile::Access access, bool& direct) {
  int flags = O_CLOEXEC | O_NONBLOCK | (access == BlockFile::Access::write ? O_RDWR : O_RDONLY);
  // Without O_CREAT, O_EXCL has a meaning for block devices only: nobody else claims it, no file
  // system is on it.
  if (access != BlockFile::Access::shared_read && is_block(path)) flags |= O_EXCL;
  UniqueFd fd(open(path.c_str(), flags | O_DIRECT));
  direct = static_cast<bool>(fd);
  if (!fd && errno == EINVAL) fd = UniqueFd(open(path.c_str(), flags));
  if (!fd && errno == EBUSY)
    fail(ErrorKind::busy,
         "{}: in use (mounted, or held by another program); release it and try again", path);
  if (!fd) fail_errno(errno, path);
  return fd;
}

/// The flag was for the open, which a FIFO would hold. io_uring would answer EAGAIN for what is not
/// done at once, and hardly a dm target says beforehand that it would be.
void stop_refusing_to_wait(int fd, const std::string& path) {
  const int flags = fcntl(fd, F_GETFL);
  if (flags < 0 || fcntl(fd, F_SETFL, flags & ~O_NONBLOCK) != 0) fail_errno(errno, path);
}

}  // namespace

BlockFile::BlockFile(std::string path, Access access) : path_(std::move(path)) {
  fd_ = open_volume(path_, access, direct_);
  direct_possible_ = direct_;
  size_ = size_of(fd_.get(), path_, is_block_device_);
  stop_refusing_to_wait(fd_.get(), path_);
}

void BlockFile::use_direct(bool wanted) {
  if (wanted == direct_) return;
  const int flags = fcntl(fd_.get(), F_GETFL);
  if (flags < 0 || fcntl(fd_.get(), F_SETFL, wanted ? flags | O_DIRECT : flags & ~O_DIRECT) != 0)
    fail_errno(errno, path_);
  direct_ = wanted;
}

bool BlockFile::use_direct_for(uint64_t offset, const void* memory, size_t length) {
  const uint64_t all = offset | reinterpret_cast<uintptr_t>(memory) | length;
  use_direct(direct_possible_ && all % kIoAlignment == 0);
  return direct_;
}

void BlockFile::read(uint64_t offset, std::span<std::byte> into) {
  use_direct_for(offset, into.data(), into.size());
  while (!into.empty()) {
    const ssize_t got = pread(fd_.get(), into.data(), into.size(), static_cast<off_t>(offset));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_errno(errno, fmt::format("{}: cannot read at byte {}", path_, offset));
    if (got == 0)
      fail(ErrorKind::failed, "{}: ends at byte {} while more was expected", path_, offset);
    offset += static_cast<uint64_t>(got);
    into = into.subspan(static_cast<size_t>(got));
    if (!into.empty()) use_direct_for(offset, into.data(), into.size());
  }
}

void BlockFile::write(uint64_t offset, ByteView bytes) {
  use_direct_for(offset, bytes.data(), bytes.size());
  while (!bytes.empty()) {
    const ssize_t done = pwrite(fd_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0)
      fail_errno(done == 0 ? ENOSPC : errno,
                 fmt::format("{}: cannot write at byte {}", path_, offset));
    offset += static_cast<uint64_t>(done);
    bytes = bytes.subspan(static_cast<size_t>(done));
    if (!bytes.empty()) use_direct_for(offset, bytes.data(), bytes.size());
  }
}

void BlockFile::flush() {
  if (fdatasync(fd_.get()) != 0) fail_errno(errno, path_ + ": cannot flush");
}

void BlockFile::resize(uint64_t bytes) {
  if (ftruncate(fd_.get(), static_cast<off_t>(bytes)) != 0)
    fail_errno(errno, path_ + ": cannot resize");
  size_ = bytes;
}

BlockSink::BlockSink(BlockFile file, std::optional<ThinFacts> thin)
    : file_(std::move(file)), thin_(thin), started_(kWritesAtOnce), queue_(kWritesAtOnce) {}

void BlockSink::write(std::span<const Extent> extents, AlignedBytes content) {
  const auto shared = std::make_shared<const AlignedBytes>(std::move(content));
  ByteView rest = *shared;
  for (const Extent& extent : extents) {
    const ByteView bytes = rest.first(extent.length);
    if (thin_ && !thin_->zeroes_new_chunks)
      write_chunks(extent.offset, bytes);
    else
      start({extent.offset, bytes, shared});
    rest = rest.subspan(extent.length);
  }
}

void BlockSink::start(Started write) {
  const ByteView bytes = write.bytes;
  const uint64_t offset = write.offset;
  if (!file_.use_direct_for(offset, bytes.data(), bytes.size())) {
    wait();  // a cached page may reach over places beside it
    return file_.write(offset, bytes);
  }
  if (queue_.in_flight() == kWritesAtOnce) finish_one();
  const auto free = std::ranges::find(started_, nullptr, &Started::content);
  *free = std::move(write);
  queue_.write(file_.fd(), offset, bytes, static_cast<uint64_t>(free - started_.begin()));
}

void BlockSink::finish_one() {
  const IoDone done = queue_.wait();
  const Started write = std::exchange(started_[done.tag], {});
  try {
    if (done.result < 0)
      fail_errno(static_cast<int>(-done.result),
                 fmt::format("{}: cannot write at byte {}", file_.path(), write.offset));
    const auto written = static_cast<size_t>(done.result);
    file_.write(write.offset + written, write.bytes.subspan(written));
  } catch (...) {
    failed_ = true;
    throw;
  }
}

void BlockSink::wait() {
  while (queue_.in_flight() > 0) finish_one();
  if (failed_) fail(ErrorKind::failed, "{}: a write failed before", file_.path());
}

/// A new chunk would show old content where a write does not reach: only whole chunks are written.
void BlockSink::write_chunks(uint64_t offset, ByteView bytes) {
  const uint64_t chunk = thin_->chunk_size;
  while (!bytes.empty()) {
    const uint64_t to_border = chunk - offset % chunk;
    const bool whole = to_border == chunk && bytes.size() >= chunk;
    const uint64_t length =
        whole ? bytes.size() / chunk * chunk : std::min<uint64_t>(bytes.size(), to_border);
    if (whole)
      file_.write(offset, bytes.first(length));
    else
      write_within_chunk(offset, bytes.first(length));
    offset += length;
    bytes = bytes.subspan(length);
  }
}

void BlockSink::write_within_chunk(uint64_t offset, ByteView bytes) {
  const uint64_t begin = offset / thin_->chunk_size * thin_->chunk_size;
  AlignedBytes chunk(std::min(thin_->chunk_size, file_.size() - begin));
  file_.read(begin, chunk);  // zeros where nothing is mapped yet
  std::ranges::copy(bytes, chunk.begin() + static_cast<std::ptrdiff_t>(offset - begin));
  file_.write(begin, chunk);
}

void BlockSink::sync() {
  try {
    file_.flush();
  } catch (...) {
    failed_ = true;  // the kernel tells of what it lost once, and then no more
    throw;
  }
}

void BlockSink::zero(Extent extent) {
  if (!file_.is_block_device()) {
    if (!punch_hole(extent)) write_zeros_where_needed(extent);
    return;
  }
  if (!thin_ || thin_->has_external_origin) return write_zeros_where_needed(extent);

  // dm-thin passes over the parts of a discard that do not fill a chunk.
  const uint64_t chunk = thin_->chunk_size;
  const uint64_t first = (extent.offset + chunk - 1) / chunk * chunk;
  const uint64_t last = extent.end() / chunk * chunk;
  if (first >= last || !discard({first, last - first})) return write_zeros_where_needed(extent);
  if (first > extent.offset) write_zeros_where_needed({extent.offset, first - extent.offset});
  if (extent.end() > last) write_zeros_where_needed({last, extent.end() - last});
}

bool BlockSink::punch_hole(Extent extent) {
  if (fallocate(file_.fd(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                static_cast<off_t>(extent.offset), static_cast<off_t>(extent.length)) == 0)
    return true;
  if (errno != EOPNOTSUPP) fail_errno(errno, file_.path() + ": cannot make a hole");
  return false;
}

bool BlockSink::discard(Extent chunks) {
  std::array<uint64_t, 2> range = {chunks.offset, chunks.length};
  if (ioctl(file_.fd(), BLKDISCARD, range.data()) == 0) return true;
  if (errno != EOPNOTSUPP) fail_errno(errno, file_.path() + ": cannot discard");
  return false;  // the pool was made with discards=ignore
}

void BlockSink::write_zeros_where_needed(Extent extent) {
  AlignedBytes seen(std::min(extent.length, kPiece));
  while (extent.length > 0) {
    const size_t length = std::min(extent.length, kPiece);
    const std::span<std::byte> piece(seen.data(), length);
    file_.read(extent.offset, piece);
    const Extent part = {extent.offset, length};
    if (!is_zero(piece)) write({&part, 1}, AlignedBytes(length, std::byte{0}));
    extent = {extent.offset + length, extent.length - length};
  }
}

}  // namespace bsr
