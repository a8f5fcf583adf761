#include "platform/content_map.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "platform/fd_stream.h"
#include "platform/signals.h"
#include "platform/spool.h"

namespace bsr {
namespace {

constexpr size_t kBufferSize = 64 * 1024;  // a multiple of the size of a digest

void write_at(int fd, uint64_t position, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t done = pwrite(fd, bytes.data(), bytes.size(), static_cast<off_t>(position));
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) fail_errno(done == 0 ? ENOSPC : errno, "cannot write a content map");
    position += static_cast<uint64_t>(done);
    bytes = bytes.subspan(static_cast<size_t>(done));
  }
}

/// As much of `into` as the file has.
size_t read_at(int fd, uint64_t position, std::span<std::byte> into, const std::string& name) {
  size_t done = 0;
  while (done < into.size()) {
    const ssize_t got =
        pread(fd, into.data() + done, into.size() - done, static_cast<off_t>(position + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail_errno(errno, name);
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  return done;
}

/// What comes out of a pipe, in a file; no more than a map of its kind can have.
UniqueFd copy_of(int input, const std::string& name) {
  UniqueFd copy = temporary_file();
  FdInput source(input);
  Bytes buffer(kBufferSize);
  uint64_t position = 0;
  while (const size_t got = source.read_some(buffer)) {
    write_at(copy.get(), position, ByteView(buffer).first(got));
    position += got;
    if (position < kContentMapHeaderSize) continue;
    Bytes head(kContentMapHeaderSize);
    read_at(copy.get(), 0, head, name);
    if (position > leaf_position(leaf_count(decode_content_map_header(head).volume_size)))
      fail(ErrorKind::corrupt, "is longer than a content map of its volume");
  }
  return copy;
}

}  // namespace

ContentMap::ContentMap(UniqueFd file, std::string name)
    : file_(std::move(file)), name_(std::move(name)) {
  try {
    read_header();
    check_leaves();
  } catch (Error& error) {
    error.while_doing(name_);
    throw;
  }
}

void ContentMap::read_header() {
  Bytes head(kContentMapHeaderSize);
  head.resize(read_at(file_.get(), 0, head, "content map"));
  header_ = decode_content_map_header(head);
  struct stat facts {};
  if (fstat(file_.get(), &facts) != 0) fail_errno(errno, "cannot be looked at");
  const uint64_t size = leaf_position(leaf_count(header_.volume_size));
  if (static_cast<uint64_t>(facts.st_size) != size)
    fail(ErrorKind::corrupt, "is a content map of {} bytes that should have {}", facts.st_size,
         size);
}

void ContentMap::check_leaves() const {
  ContentTree tree(header_.volume_size);
  Reader reader(*this);
  for (uint64_t leaf = 0; leaf < leaf_count(header_.volume_size); ++leaf) {
    if (leaf % 4096 == 0) throw_if_stopped();
    tree.add(reader.at(leaf));
  }
  if (tree.root() != header_.root)
    fail(ErrorKind::corrupt, "the leaves of the content map do not give its root");
}

Digest ContentMap::Reader::at(uint64_t leaf) {
  Digest digest{};
  const uint64_t leaves = leaf_count(map_->header_.volume_size);
  if (leaf >= leaves) return digest;
  if (leaf < first_ || leaf >= first_ + buffer_.size() / digest.size()) {
    buffer_.resize(std::min<uint64_t>(kBufferSize, (leaves - leaf) * digest.size()));
    first_ = leaf;
    if (read_at(map_->file_.get(), leaf_position(leaf), buffer_, map_->name_) != buffer_.size())
      fail(ErrorKind::corrupt, "{}: is shorter than it was", map_->name_);
  }
  const auto found = buffer_.begin() + static_cast<std::ptrdiff_t>((leaf - first_) * digest.size());
  std::copy_n(found, digest.size(), digest.begin());
  return digest;
}

ContentMap open_content_map(const std::string& path) {
  UniqueFd file = open_input(path);
  struct stat facts {};
  if (fstat(file.get(), &facts) != 0) fail_errno(errno, path);
  if (S_ISREG(facts.st_mode)) return {std::move(file), path};
  try {
    file = copy_of(file.get(), path);
  } catch (Error& error) {
    error.while_doing(path);
    throw;
  }
  return {std::move(file), path};
}

void ContentMapWriter::add(const Digest& leaf) {
  append(buffer_, leaf);
  if (buffer_.size() >= kBufferSize) write_out();
}

void ContentMapWriter::add_zeros(uint64_t count) {
  write_out();
  position_ += count * sizeof(Digest);
}

void ContentMapWriter::write_out() {
  if (!is_zero(buffer_)) write_at(fd_, position_, buffer_);
  position_ += buffer_.size();
  buffer_.clear();
}

void ContentMapWriter::finish(const ContentMapHeader& header) {
  write_out();
  if (ftruncate(fd_, static_cast<off_t>(position_)) != 0)
    fail_errno(errno, "cannot write a content map");
  write_at(fd_, 0, encode(header));
}

void write_content_map(const ContentMap& map, int output) {
  FdOutput out(output);
  Bytes buffer(kBufferSize);
  uint64_t position = 0;
  while (const size_t got = read_at(map.fd(), position, buffer, "content map")) {
    out.write_all({ByteView(buffer).first(got)});
    position += got;
  }
}

}  // namespace bsr
