// Files and block devices as volumes: whole-range reads and writes, zeroing, flushing.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/io_queue.h"
#include "platform/thin_device.h"
#include "platform/unique_fd.h"
#include "platform/volume.h"

namespace bsr {

/// An open file or block device. Direct I/O where the file system and the alignment allow it, so
/// that a transfer does not push everything else out of the page cache. Not shared between threads,
/// but for flush().
class BlockFile {
 public:
  enum class Access {
    read,   ///< a block device is opened exclusively unless `shared_read`
    write,  ///< reads and writes; a block device is opened exclusively
    shared_read,
  };

  /// Throws Error{busy} for a device that is mounted or otherwise in use, Error{failed} when it
  /// cannot be opened.
  BlockFile(std::string path, Access access);

  [[nodiscard]] uint64_t size() const { return size_; }  ///< bytes, when it was opened
  [[nodiscard]] bool is_block_device() const { return is_block_device_; }
  [[nodiscard]] const std::string& path() const { return path_; }
  [[nodiscard]] int fd() const { return fd_.get(); }

  /// All of `into` or an exception; reading past the end is an error.
  void read(uint64_t offset, std::span<std::byte> into);
  void write(uint64_t offset, ByteView bytes);
  void flush();

  /// Whether a transfer between this place and this memory can be direct; then fd() is set to that.
  bool use_direct_for(uint64_t offset, const void* memory, size_t length);

  /// Regular files only: sets the size; what is new reads as zeros.
  void resize(uint64_t bytes);

 private:
  void use_direct(bool wanted);

  std::string path_;
  UniqueFd fd_;
  uint64_t size_ = 0;
  bool is_block_device_ = false;
  bool direct_possible_ = true;
  bool direct_ = false;
};

/// Writes a volume, where that is possible several places at a time. zero() frees space where that
/// is known to zero: holes in files, whole chunks of a thin device. Everywhere else it reads, and
/// writes zeros over what is not zero yet: a discard promises nothing about what is read
/// afterwards, and zeros written into unused parts of a thin device would use them up.
class BlockSink final : public VolumeSink {
 public:
  /// `thin`: when the file is a dm-thin device.
  BlockSink(BlockFile file, std::optional<ThinFacts> thin);

  void write(std::span<const Extent> extents, AlignedBytes content) override;
  void zero(Extent extent) override;
  void wait() override;
  void sync() override;

  [[nodiscard]] BlockFile& file() { return file_; }

 private:
  /// False when the file system or pool cannot.
  bool punch_hole(Extent extent);
  bool discard(Extent chunks);
  struct Started {
    uint64_t offset = 0;
    ByteView bytes;
    std::shared_ptr<const AlignedBytes> content;  // that they are part of
  };
  void start(Started write);
  void finish_one();
  void write_chunks(uint64_t offset, ByteView bytes);
  void write_within_chunk(uint64_t offset, ByteView bytes);
  void write_zeros_where_needed(Extent extent);

  BlockFile file_;
  std::optional<ThinFacts> thin_;
  std::vector<Started> started_;  // by tag; free ones have no content
  std::atomic<bool> failed_ = false;
  IoQueue queue_;  // after what its requests use
};

}  // namespace bsr
