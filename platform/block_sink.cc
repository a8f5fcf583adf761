// Writes under way, fallocate and the block ioctls.
#include "platform/block_sink.h"

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/aligned_bytes.h"
#include "base/error.h"

namespace bsr {
namespace {

constexpr size_t kWritesAtOnce = 8;
constexpr uint64_t kPiece = 1U << 20;  // of zeroing by hand

}  // namespace

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
  const std::optional<int> direct = file_.direct_fd(offset, bytes.data(), bytes.size());
  if (!direct) {
    wait();  // a cached page may reach over places beside it
    return file_.write(offset, bytes);
  }
  if (queue_.in_flight() == kWritesAtOnce) finish_one();
  const auto free = std::ranges::find(started_, nullptr, &Started::content);
  *free = std::move(write);
  queue_.write(*direct, offset, bytes, static_cast<uint64_t>(free - started_.begin()));
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
