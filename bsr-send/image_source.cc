// A snapshot in a pool image: thin metadata and data in two files that nobody changes meanwhile.
#include <charconv>

#include "base/error.h"
#include "bsr-send/source.h"
#include "formats/stream_format.h"
#include "platform/pool_image.h"

namespace bsr {
namespace {

uint64_t parse_thin_id(const std::string& text) {
  uint64_t id = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (text.empty() || problem != std::errc() || end != text.data() + text.size())
    fail(ErrorKind::usage, "{}: with --metadata and --data a snapshot is a thin id, a number",
         text);
  return id;
}

ThinDevice find_device(const PoolImage& pool, const std::string& text) {
  const std::optional<ThinDevice> device = pool.device(parse_thin_id(text));
  if (device) return *device;
  std::string ids;
  for (const ThinDevice& other : pool.devices()) ids += fmt::format(" {}", other.thin_id);
  fail(ErrorKind::failed, "the pool image has no thin device {}; it has{}", text,
       ids.empty() ? " none" : ids);
}

/// Nothing in the metadata names a device for good, but within one pool these numbers are never
/// used twice.
std::string identity(const ThinDevice& device) {
  return fmt::format("image:{}.{}.{}", device.thin_id, device.transaction_id, device.creation_time);
}

class ImageSource final : public SendSource {
 public:
  explicit ImageSource(const SendOptions& options)
      : pool_(options.metadata_file, options.data_file),
        metadata_path_(options.metadata_file),
        target_(find_device(pool_, options.snapshot)) {
    begin_.chunk_size = static_cast<uint32_t>(pool_.chunk_size());
    begin_.name = options.snapshot;
    begin_.volume_id = "image";  // nothing in a pool image says whose snapshot a device is
    begin_.snapshot_id = identity(target_);
    begin_.volume_size = options.size.value_or(pool_.mapped_end(target_.thin_id));
    if (!options.base) return;
    base_ = find_device(pool_, *options.base);
    if (base_->thin_id == target_.thin_id)
      fail(ErrorKind::usage, "-i {}: base and snapshot are the same", *options.base);
    begin_.base_id = identity(*base_);
    begin_.base_size = options.base_size ? *options.base_size
                                         : options.size.value_or(pool_.mapped_end(base_->thin_id));
  }

  [[nodiscard]] const BeginFrame& describe() const override { return begin_; }

  std::unique_ptr<Plan> plan(DeltaEngine engine) override {
    const std::optional<uint64_t> base = base_ ? std::optional(base_->thin_id) : std::nullopt;
    const std::unique_ptr<DeltaSource> delta =
        open_delta(engine, {metadata_path_, false}, base, target_.thin_id, pool_.chunk_size(),
                   begin_.base_size, begin_.volume_size);
    return std::make_unique<Plan>(*delta, pool_.chunk_size());
  }

  VolumeReader& open() override {
    reader_ = pool_.open(target_.thin_id);
    return *reader_;
  }

  void close() override {}

 private:
  PoolImage pool_;
  std::string metadata_path_;
  ThinDevice target_;
  std::optional<ThinDevice> base_;
  BeginFrame begin_;
  std::unique_ptr<VolumeReader> reader_;
};

}  // namespace

std::unique_ptr<SendSource> open_image_source(const SendOptions& options) {
  return std::make_unique<ImageSource>(options);
}

}  // namespace bsr
