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

/// The device that the command line or a token names. When both do, they must agree.
ThinDevice find_device(const PoolImage& pool, const std::string& text,
                       const std::optional<std::string>& uuid) {
  if (!uuid) return find_device(pool, text);
  for (const ThinDevice& device : pool.devices()) {
    if (identity(device) != *uuid) continue;
    if (!text.empty() && device.thin_id != parse_thin_id(text))
      fail(ErrorKind::usage, "--token: is for thin device {}, not {}; leave the name out",
           device.thin_id, text);
    return device;
  }
  fail(ErrorKind::base,
       "--token: the pool image has no snapshot {}, so this transfer cannot be continued; drop it "
       "on the receiver (bsr-recv -A TARGET) and send from a snapshot that both sides have",
       *uuid);
}

/// Nothing in a pool image says how large a volume is; a token does.
uint64_t volume_size(const SendOptions& options, uint64_t mapped_end) {
  if (options.resume) return options.resume->volume_size;
  return options.size.value_or(mapped_end);
}

uint64_t base_size(const SendOptions& options, uint64_t mapped_end) {
  if (options.resume) return options.resume->base_size;
  return options.base_size ? *options.base_size : options.size.value_or(mapped_end);
}

class ImageSource final : public SendSource {
 public:
  explicit ImageSource(const SendOptions& options)
      : patch_(options.patch != PatchMode::never),
        pool_(options.metadata_file, options.data_file),
        metadata_path_(options.metadata_file),
        target_(find_device(
            pool_, options.snapshot,
            options.resume ? std::optional(options.resume->snapshot_id) : std::nullopt)),
        resumes_at_(options.resume ? options.resume->resume.position : 0) {
    begin_.chunk_size = static_cast<uint32_t>(pool_.chunk_size());
    begin_.name = std::to_string(target_.thin_id);
    begin_.volume_id = "image";  // nothing in a pool image says whose snapshot a device is
    begin_.snapshot_id = identity(target_);
    begin_.volume_size = volume_size(options, pool_.mapped_end(target_.thin_id));
    const bool resumes_delta = options.resume && !options.resume->is_full();
    if (!options.base && !resumes_delta) return;
    base_ = find_device(pool_, options.base.value_or(""),
                        resumes_delta ? std::optional(options.resume->base_id) : std::nullopt);
    if (base_->thin_id == target_.thin_id)
      fail(ErrorKind::usage, "-i {}: base and snapshot are the same", base_->thin_id);
    begin_.base_id = identity(*base_);
    begin_.base_size = base_size(options, pool_.mapped_end(base_->thin_id));
  }

  [[nodiscard]] const BeginFrame& describe() const override { return begin_; }

  std::unique_ptr<Plan> plan(DeltaEngine engine) override {
    SourceStates states;
    std::unique_ptr<Plan> plan =
        since(base_ ? std::optional(base_->thin_id) : std::nullopt, engine, &states);
    begin_.set_states(states.target.state, states.base ? states.base->state : SourceState{});
    if (patch_ && base_ && states.base->own_blocks > 0)
      base_problem_ = unsteady_base(fmt::format("-i {}", base_->thin_id));
    return plan;
  }

  std::unique_ptr<Plan> mapped(DeltaEngine engine) override {
    return since(std::nullopt, engine, nullptr);
  }

  [[nodiscard]] ExtentSpool& own_before() override { return own_before_; }

  [[nodiscard]] bool has_lasting_names() const override { return false; }

  [[nodiscard]] const std::string& base_problem() const override { return base_problem_; }

  std::unique_ptr<VolumeReader> open() override { return pool_.open(target_.thin_id); }
  std::unique_ptr<VolumeReader> open_base() override { return pool_.open(base_->thin_id); }

  void close() override {}

 private:
  std::unique_ptr<Plan> since(std::optional<uint64_t> base, DeltaEngine engine,
                              SourceStates* states) {
    const MappingPlace place = {metadata_path_, false, &pool_.metadata()};
    const std::unique_ptr<DeltaSource> delta =
        open_delta(engine, place, base, target_.thin_id, pool_.chunk_size(),
                   base ? begin_.base_size : 0, begin_.volume_size, states);
    auto plan = std::make_unique<Plan>(*delta, pool_.chunk_size());
    if (states != nullptr && resumes_at_ > 0 && states->target.own_blocks > 0)
      own_before_ = ExtentSpool(*open_own_mappings(place, target_.thin_id, resumes_at_));
    return plan;
  }

  bool patch_;
  PoolImage pool_;
  std::string metadata_path_;
  ThinDevice target_;
  std::optional<ThinDevice> base_;
  BeginFrame begin_;
  uint64_t resumes_at_;
  ExtentSpool own_before_;
  std::string base_problem_;
};

}  // namespace

std::unique_ptr<SendSource> open_image_source(const SendOptions& options) {
  return std::make_unique<ImageSource>(options);
}

}  // namespace bsr
