// Files and block devices: whole-range reads and writes, flushing.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.h"
#include "base/extent.h"
#include "platform/unique_fd.h"

namespace bsr {

/// An open file or block device, by two descriptors: one past the page cache, so that a transfer
/// does not push everything else out of it and reads what the disk holds, and one through it, for
/// what is not aligned and for file systems that know nothing else. Several threads may use it;
/// what one writes through the cache no other may write beside it, in the same page, past it.
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
  [[nodiscard]] int fd() const { return cached_.get(); }

  /// For a transfer past the page cache between this place and this memory; nullopt when that is
  /// not possible.
  [[nodiscard]] std::optional<int> direct_fd(uint64_t offset, const void* memory,
                                             size_t length) const;

  /// For transfers of whole blocks of 4096 bytes: past the page cache where that is possible.
  [[nodiscard]] int fd_for_blocks() const { return direct_ ? direct_.get() : cached_.get(); }

  /// All of `into` or an exception; reading past the end is an error.
  void read(uint64_t offset, std::span<std::byte> into) const;
  void write(uint64_t offset, ByteView bytes) const;
  void flush() const;

  /// What the page cache holds of these bytes, which must have been flushed, is read from the disk
  /// the next time.
  void forget_cached(Extent extent) const;

  /// These bytes and what makes their blocks of 4096 bytes whole, which can be read past the page
  /// cache; less at the end of a file that does not end with a block.
  [[nodiscard]] Extent blocks_around(Extent extent) const;

  /// The first bytes at or behind `offset` that are not a hole; nullopt: up to the end there are
  /// none. A device has no holes.
  [[nodiscard]] std::optional<Extent> next_data(uint64_t offset) const;

  /// Regular files only: sets the size; what is new reads as zeros.
  void resize(uint64_t bytes);

 private:
  [[nodiscard]] int fd_for(uint64_t offset, const void* memory, size_t length) const {
    return direct_fd(offset, memory, length).value_or(cached_.get());
  }

  std::string path_;
  UniqueFd cached_;
  UniqueFd direct_;  // none where the file system cannot
  uint64_t size_ = 0;
  bool is_block_device_ = false;
};

}  // namespace bsr
