#include "platform/block_sink.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "base/aligned_bytes.h"
#include "base/error.h"
#include "platform/signals.h"

namespace bsr {
namespace {

constexpr size_t kWritesAtOnce = 8;
constexpr size_t kPiece = 1U << 20;  // of zeros

}  // namespace

BlockSink::BlockSink(BlockFile file, std::optional<ThinFacts> thin,
                     std::unique_ptr<IoCarrier> carrier)
    : file_(std::move(file)),
      thin_(std::move(thin)),
      zeroing_(file_, thin_),
      started_(kWritesAtOnce),
      queue_(kWritesAtOnce, {}, std::move(carrier)) {}

void BlockSink::write(std::span<const Extent> extents, AlignedBytes content) {
  const auto shared = std::make_shared<const AlignedBytes>(std::move(content));
  ByteView rest = *shared;
  for (const Extent& extent : extents) {
    if (thin_ && !thin_->zeroes_new_chunks) prepare_chunks(extent);
    start({extent.offset, rest.first(extent.length), shared});
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

/// A new chunk would show old content where a write does not reach.
void BlockSink::prepare_chunks(Extent extent) {
  const uint64_t chunk = thin_->chunk_size;
  const uint64_t first = extent.offset / chunk;
  const uint64_t last = (extent.end() - 1) / chunk;
  const bool first_is_whole = extent.offset % chunk == 0 && extent.end() >= (first + 1) * chunk;
  if (!first_is_whole) prepare_chunk(first);
  if (last != first && extent.end() % chunk != 0) prepare_chunk(last);
}

/// What is not mapped reads as zeros, so all of it is written with zeros; so is a chunk that is
/// mapped and holds nothing else, which does no harm.
void BlockSink::prepare_chunk(uint64_t number) {
  if (prepared_ == number) return;
  const uint64_t begin = number * thin_->chunk_size;
  const Extent chunk = {begin, std::min(thin_->chunk_size, file_.size() - begin)};
  wait();
  if (reads_as_zeros(file_, chunk)) {
    const AlignedBytes zeros(std::min(chunk.length, kPiece), std::byte{0});
    for (uint64_t done = 0; done < chunk.length; done += zeros.size()) {
      throw_if_stopped();
      file_.write(begin + done,
                  ByteView(zeros).first(std::min<uint64_t>(chunk.length - done, zeros.size())));
    }
  }
  prepared_ = number;
}

void BlockSink::sync() {
  try {
    file_.flush();
  } catch (...) {
    failed_ = true;  // the kernel tells of what it lost once, and then no more
    throw;
  }
}

}  // namespace bsr
