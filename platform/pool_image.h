// A thin pool outside of LVM: one file or device with its metadata and one with its data.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "formats/thin_metadata.h"
#include "platform/file_reads.h"
#include "platform/metadata_file.h"
#include "platform/volume.h"

namespace bsr {

/// The pool must not be in use, except by readers. All that throws names the file.
class PoolImage {
 public:
  PoolImage(std::string metadata_path, std::string data_path);

  [[nodiscard]] uint64_t chunk_size() const { return metadata_.chunk_size(); }  ///< bytes

  [[nodiscard]] const ThinMetadata& metadata() const { return metadata_; }

  /// Ascending by thin id.
  [[nodiscard]] std::vector<ThinDevice> devices() const;

  /// nullopt: the pool has no such device.
  [[nodiscard]] std::optional<ThinDevice> device(uint64_t thin_id) const;

  /// Bytes up to the end of the last mapped chunk. Throws Error{failed} when the pool has no such
  /// device.
  [[nodiscard]] uint64_t mapped_end(uint64_t thin_id) const;

  /// An ImageReader, independent of this object and of other readers. Throws as mapped_end().
  [[nodiscard]] std::unique_ptr<VolumeReader> open(uint64_t thin_id) const;

 private:
  std::string metadata_path_;
  std::string data_path_;
  std::unique_ptr<MetadataFile> blocks_;
  ThinMetadata metadata_;
};

/// Reads one thin device through its mapping. It has no size: behind the last mapped chunk all is
/// zeros. Cheap for ascending offsets, one search in the tree for any other. Throws Error{corrupt}
/// for damaged metadata and for a data file that ends before a mapped chunk does.
class ImageReader final : public VolumeReader {
 public:
  ImageReader(const std::string& metadata_path, const std::string& data_path, uint64_t thin_id);

  void read(uint64_t offset, std::span<std::byte> into) override;
  void start(uint64_t offset, std::span<std::byte> into) override;
  void finish() override;
  void abandon() override;

 private:
  /// Thin blocks that follow each other in the data file, too.
  struct Run {
    uint64_t thin_block = 0;
    uint64_t data_block = 0;
    uint64_t blocks = 0;

    [[nodiscard]] uint64_t end() const { return thin_block + blocks; }
  };

  /// Zeros where nothing is mapped; the rest is for `read_data`.
  void fill(uint64_t offset, std::span<std::byte> into,
            const std::function<void(uint64_t data_offset, std::span<std::byte> part)>& read_data);
  void find_run(uint64_t thin_block);
  void next_run();

  MetadataFile blocks_;
  ThinMetadata metadata_;
  BlockFile data_;
  FileReads reads_;
  std::deque<size_t> parts_;  // of reads_, for each read that is not finished
  uint64_t thin_id_;
  std::optional<MappingCursor> cursor_;  // stands behind run_
  std::optional<Run> run_;               // the run at or behind run_from_; nullopt: there is none
  uint64_t run_from_ = 0;                // thin block; what lies between it and run_ is unmapped
};

}  // namespace bsr
