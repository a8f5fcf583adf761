#include "bsr-stream/merge.h"

#include <unistd.h>

#include <memory>

#include "base/error.h"
#include "bsr-stream/merged_volume.h"
#include "formats/content_tree.h"
#include "formats/stream_encoder.h"
#include "formats/stream_merge.h"
#include "platform/frame_source.h"
#include "platform/new_file.h"

namespace bsr {
namespace {

struct StreamFile {
  std::string path;
  UniqueFd fd;
};

/// One stream from its start; what is wrong with it is said with the name of its file.
class InputStream {
 public:
  InputStream(const StreamFile& file, FrameChanges::Unpack unpack)
      : path_(file.path),
        input_(rewound(file)),
        frames_(open()),
        unpack_(std::move(unpack)),
        changes_([this] { return next_frame(); },
                 [this](const PatchFrame& patch) { return unpacked(patch); }) {
    const std::optional<Frame> first = next_frame();
    begin_ = std::get<BeginFrame>(first->body);
  }
  InputStream(const InputStream&) = delete;
  InputStream& operator=(const InputStream&) = delete;

  [[nodiscard]] const BeginFrame& begin() const { return begin_; }
  [[nodiscard]] FrameChanges& changes() { return changes_; }
  [[nodiscard]] Totals totals() const { return frames_->progress().totals; }

 private:
  static int rewound(const StreamFile& file) {
    if (lseek(file.fd.get(), 0, SEEK_SET) != 0)
      fail(ErrorKind::usage, "{}: is read twice, and that is not possible; give a file", file.path);
    return file.fd.get();
  }

  std::unique_ptr<FrameSource> open() try {
    const StreamStart start(input_);
    if (start.is_legacy())
      fail(ErrorKind::unsupported,
           "is a stream of thin_send, which names neither snapshot nor base; only streams of "
           "format bsr-1 can be merged, send it in that");
    return open_format1(input_, start, {});
  } catch (Error& error) {
    error.while_doing(path_);
    throw;
  }

  std::optional<Frame> next_frame() try {
    std::optional<Frame> frame = frames_->next();
    if (frame)
      if (const auto* begin = std::get_if<BeginFrame>(&frame->body)) check_is_whole(*begin);
    return frame;
  } catch (Error& error) {
    error.while_doing(path_);
    throw;
  }

  AlignedBytes unpacked(const PatchFrame& patch) try {
    return unpack_(patch);
  } catch (Error& error) {
    error.while_doing(path_);
    throw;
  }

  std::string path_;
  FdInput input_;
  std::unique_ptr<FrameSource> frames_;
  FrameChanges::Unpack unpack_;
  FrameChanges changes_;
  BeginFrame begin_;
};

/// All streams side by side, from their starts, as one.
class MergedStream {
 public:
  /// What a patch in one of the streams, counted from 0, gives.
  using Unpack = std::function<AlignedBytes(size_t stream, const PatchFrame& patch)>;

  MergedStream(const std::vector<StreamFile>& files, const Unpack& unpack) {
    for (const StreamFile& file : files) {
      inputs_.push_back(std::make_unique<InputStream>(
          file, [unpack, stream = inputs_.size()](const PatchFrame& patch) {
            return unpack(stream, patch);
          }));
      add(file.path, *inputs_.back());
    }
  }

  [[nodiscard]] const BeginFrame& begin() const { return begin_; }  ///< without its plan
  [[nodiscard]] ChangeSource& changes() { return *changes_; }

  /// After the end.
  [[nodiscard]] const Digest& content_root() const {
    return inputs_.back()->changes().content_root();
  }
  [[nodiscard]] std::vector<Totals> totals() const {
    std::vector<Totals> totals;
    for (const auto& input : inputs_) totals.push_back(input->totals());
    return totals;
  }

 private:
  void add(const std::string& path, InputStream& input) try {
    if (changes_ == nullptr) {
      begin_ = input.begin();
      changes_ = &input.changes();
      return;
    }
    merges_.push_back(
        std::make_unique<StreamMerge>(begin_, *changes_, input.begin(), input.changes()));
    begin_ = merges_.back()->begin();
    changes_ = merges_.back().get();
  } catch (Error& error) {
    error.while_doing(path);
    throw;
  }

  std::vector<std::unique_ptr<InputStream>> inputs_;
  std::vector<std::unique_ptr<StreamMerge>> merges_;  // each of the one before and the next input
  BeginFrame begin_;
  ChangeSource* changes_ = nullptr;  // of the last merge
};

struct MergePlan {
  BeginFrame begin;
  std::vector<Totals> inputs;
  size_t patched = 0;  // of the streams, up to the last one with a patch
};

[[noreturn]] void fail_because_streams_changed() {
  fail(ErrorKind::failed,
       "a stream changed while it was read; wait until it is written, then run it again");
}

void check_base(const BeginFrame& begin, const BlockFile& base) {
  if (begin.is_full())
    fail(ErrorKind::usage,
         "{}: the first stream is a full one, which has no base; leave --base out", base.path());
  if (base.size() < begin.base_size)
    fail(ErrorKind::base,
         "{}: has {} bytes, and the base of the first stream, snapshot {}, has {}; give that",
         base.path(), base.size(), begin.base_id, begin.base_size);
}

/// The first time through the files. What data they hold does not matter yet.
MergePlan plan(const std::vector<StreamFile>& files, const BlockFile* base) {
  MergePlan plan;
  MergedStream merged(files, [&](size_t stream, const PatchFrame& patch) {
    plan.patched = std::max(plan.patched, stream + 1);
    return AlignedBytes(total_length(patch.extents));
  });
  plan.begin = merged.begin();
  if (base != nullptr) check_base(plan.begin, *base);
  const PlanFigures figures = plan_of(merged.changes(), plan.begin.chunk_size);
  plan.begin.plan_data = figures.data_bytes;
  plan.begin.plan_unmap = figures.unmap_bytes;
  plan.begin.plan_extents = figures.extents;
  plan.begin.plan_hash = figures.hash;
  plan.inputs = merged.totals();
  if (is_content_identity(plan.begin.base_id) && is_zero_digest(merged.content_root()))
    fail(ErrorKind::base,
         "{}: has no content root, but the first stream was made against a content map, so the "
         "last one must have one; make it with bsr-send --content-digest",
         plan.begin.snapshot_id);
  return plan;
}

/// One stream after the other, for what the patches in them give.
void apply_all(std::span<const StreamFile> files, MergedVolume& volume) {
  for (const StreamFile& file : files) {
    InputStream input(file, [&](const PatchFrame& patch) { return volume.unpacked(patch); });
    volume.apply(input.begin(), input.changes());
  }
}

/// The last time. `patched`: of all streams with patches; what they give is asked where it is the
/// last word on a place, and else it is not used.
void write(const std::vector<StreamFile>& files, const MergePlan& plan, MergedVolume* patched,
           FdOutput output) {
  MergedStream merged(files, [&](size_t, const PatchFrame& patch) {
    if (patched == nullptr) fail_because_streams_changed();
    return patched->content(patch.extents);
  });
  StreamEncoder encoder(
      [&](ByteView header, ByteView table, ByteView content) {
        output.write_all({header, table, content});
      },
      plan.begin);
  ChangeGatherer pieces(merged.changes());
  while (std::optional<Piece> piece = pieces.next()) {
    const uint64_t end = end_of(*piece);
    encoder.write(encode(std::move(*piece), {}), end);
  }
  if (merged.totals() != plan.inputs) fail_because_streams_changed();
  encoder.finish(merged.content_root());
}

}  // namespace

void merge_streams(const std::vector<std::string>& files,
                   const std::optional<std::string>& base_path,
                   const std::optional<std::string>& output_file, int output) {
  if (!output_file && isatty(output) == 1)
    fail(ErrorKind::usage,
         "a stream is written to standard output, and that is a terminal; use a pipe or --output "
         "FILE");
  std::optional<NewFile> file;
  if (output_file) file.emplace(*output_file);

  std::vector<StreamFile> inputs;
  inputs.reserve(files.size());
  for (const std::string& path : files) inputs.push_back({path, open_input(path)});
  std::optional<BlockFile> base;
  if (base_path) base.emplace(*base_path, BlockFile::Access::shared_read);
  const MergePlan what = plan(inputs, base ? &*base : nullptr);
  std::optional<MergedVolume> patched;
  if (what.patched > 0) {
    patched.emplace(base ? &*base : nullptr);
    apply_all(std::span(inputs).first(what.patched), *patched);
  }
  // From here on bytes go out: a failure leaves a stream without an END.
  write(inputs, what, patched ? &*patched : nullptr, FdOutput(file ? file->fd() : output));
  if (file) file->commit();
}

}  // namespace bsr
