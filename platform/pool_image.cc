// Finds where the bytes of a thin device lie in the data file.
#include "platform/pool_image.h"

#include <algorithm>

#include "base/error.h"

namespace bsr {
namespace {

constexpr uint64_t kMaxRun = 1024;  // blocks; a device of one single run must not be walked at once

/// The reader of metadata knows blocks, not files.
template <typename Call>
auto naming(const std::string& path, Call&& call) {
  try {
    return call();
  } catch (Error& error) {
    error.while_doing("thin metadata in " + path);
    throw;
  }
}

ThinMetadata read_metadata(MetadataBlocks& blocks, const std::string& path) {
  return naming(path, [&] { return ThinMetadata(blocks, MetadataState::current); });
}

}  // namespace

PoolImage::PoolImage(std::string metadata_path, std::string data_path)
    : metadata_path_(std::move(metadata_path)),
      data_path_(std::move(data_path)),
      blocks_(std::make_unique<MetadataFile>(metadata_path_)),
      metadata_(read_metadata(*blocks_, metadata_path_)) {}

std::vector<ThinDevice> PoolImage::devices() const {
  return naming(metadata_path_, [&] { return metadata_.devices(); });
}

std::optional<ThinDevice> PoolImage::device(uint64_t thin_id) const {
  return naming(metadata_path_, [&] { return metadata_.device(thin_id); });
}

uint64_t PoolImage::mapped_end(uint64_t thin_id) const {
  return naming(metadata_path_, [&] { return metadata_.mapped_end(thin_id); });
}

std::unique_ptr<VolumeReader> PoolImage::open(uint64_t thin_id) const {
  return std::make_unique<ImageReader>(metadata_path_, data_path_, thin_id);
}

ImageReader::ImageReader(const std::string& metadata_path, const std::string& data_path,
                         uint64_t thin_id)
    : blocks_(metadata_path),
      metadata_(read_metadata(blocks_, metadata_path)),
      data_(data_path, BlockFile::Access::shared_read),
      reads_(data_),
      thin_id_(thin_id) {
  naming(metadata_path, [&] {
    cursor_.emplace(metadata_, thin_id_);
    next_run();
  });
}

void ImageReader::fill(
    uint64_t offset, std::span<std::byte> into,
    const std::function<void(uint64_t data_offset, std::span<std::byte> part)>& read_data) {
  const uint64_t chunk_size = metadata_.chunk_size();
  while (!into.empty()) {
    naming(blocks_.path(), [&] { find_run(offset / chunk_size); });
    const uint64_t run_begin = run_ ? run_->thin_block * chunk_size : UINT64_MAX;
    const uint64_t stop = offset < run_begin ? run_begin : run_->end() * chunk_size;
    const auto part = into.first(std::min<uint64_t>(into.size(), stop - offset));
    if (offset < run_begin) {
      std::ranges::fill(part, std::byte{0});
    } else {
      const uint64_t end = (run_->data_block + run_->blocks) * chunk_size;
      if (end > data_.size())
        fail(ErrorKind::corrupt,
             "{}: ends at byte {}, but thin device {} has data up to byte {}; give the "
             "data file that belongs to this metadata",
             data_.path(), data_.size(), thin_id_, end);
      read_data(run_->data_block * chunk_size + (offset - run_begin), part);
    }
    offset += part.size();
    into = into.subspan(part.size());
  }
}

void ImageReader::read(uint64_t offset, std::span<std::byte> into) {
  fill(offset, into,
       [&](uint64_t data_offset, std::span<std::byte> part) { data_.read(data_offset, part); });
}

void ImageReader::start(uint64_t offset, std::span<std::byte> into) {
  parts_.push_back(0);
  fill(offset, into, [&](uint64_t data_offset, std::span<std::byte> part) {
    reads_.start(data_offset, part);
    ++parts_.back();
  });
}

void ImageReader::finish() {
  const size_t parts = parts_.front();
  parts_.pop_front();
  try {
    for (size_t part = 0; part < parts; ++part) reads_.finish();
  } catch (...) {
    parts_.clear();  // the others are abandoned
    throw;
  }
}

void ImageReader::abandon() {
  reads_.abandon();
  parts_.clear();
}

/// Makes run_ the one that holds `thin_block`, or else the next one.
void ImageReader::find_run(uint64_t thin_block) {
  if (thin_block >= run_from_ && (!run_ || thin_block < run_->end())) return;
  if (thin_block < run_from_) cursor_.emplace(metadata_, thin_id_);
  cursor_->seek(thin_block);
  run_from_ = thin_block;
  next_run();
}

void ImageReader::next_run() {
  run_.reset();
  BTreeCursor& tree = cursor_->tree();
  while (tree.to_value() && (!run_ || run_->blocks < kMaxRun)) {
    const ThinMapping mapping = cursor_->mapping();
    if (!run_) run_ = Run{mapping.thin_block, mapping.data_block, 0};
    if (mapping.thin_block != run_->end() || mapping.data_block != run_->data_block + run_->blocks)
      return;
    ++run_->blocks;
    tree.skip();
  }
}

}  // namespace bsr
