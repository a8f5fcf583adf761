// Content maps as files: 32 bytes for each MiB of a volume, so they are never held in memory.
#pragma once

#include <string>

#include "formats/content_map_format.h"
#include "formats/content_tree.h"
#include "platform/unique_fd.h"

namespace bsr {

/// A whole map whose leaves and root belong together.
class ContentMap {
 public:
  /// Reads all of a regular file; `name` is for messages. Throws Error{corrupt}, {unsupported}.
  ContentMap(UniqueFd file, std::string name);

  [[nodiscard]] uint64_t volume_size() const { return header_.volume_size; }
  [[nodiscard]] const Digest& root() const { return header_.root; }
  [[nodiscard]] int fd() const { return file_.get(); }

  /// Reads leaves one after the other; the map outlives it.
  class Reader {
   public:
    explicit Reader(const ContentMap& map) : map_(&map) {}

    /// Of a leaf behind the one that was asked for last; zero bytes behind the end.
    Digest at(uint64_t leaf);

   private:
    const ContentMap* map_;
    Bytes buffer_;
    uint64_t first_ = 0;  // leaf that buffer_ begins with
  };

 private:
  void read_header();
  void check_leaves() const;

  UniqueFd file_;
  std::string name_;
  ContentMapHeader header_;
};

/// The map in a file, or in what comes out of a pipe. Throws as ContentMap and fail_errno() say.
[[nodiscard]] ContentMap open_content_map(const std::string& path);

/// Writes a map, leaf by leaf, into an empty file that somebody else owns. Leaves of zeros become
/// holes.
class ContentMapWriter {
 public:
  explicit ContentMapWriter(int fd) : fd_(fd) {}

  /// Throws Error{no_space}, {failed}.
  void add(const Digest& leaf);
  void add_zeros(uint64_t count);

  /// After the last leaf. The file is not flushed.
  void finish(const ContentMapHeader& header);

 private:
  void write_out();

  int fd_;
  Bytes buffer_;
  uint64_t position_ = leaf_position(0);  // of buffer_ in the file
};

/// Copies all of a map to a descriptor that may be a pipe.
void write_content_map(const ContentMap& map, int output);

}  // namespace bsr
