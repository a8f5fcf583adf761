#include "formats/tool/merge.h"

#include <unistd.h>

#include <memory>

#include "base/error.h"
#include "formats/content_tree.h"
#include "formats/patch.h"
#include "formats/stream_encoder.h"
#include "formats/stream_merge.h"
#include "formats/tool/change_look_ahead.h"
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
  /// `before`: what leads to its base, if there is anything.
  InputStream(const StreamFile& file, ChangeLookAhead* before)
      : path_(file.path),
        input_(rewound(file)),
        frames_(open()),
        before_(before),
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

  AlignedBytes unpacked(const PatchFrame& patch) {
    try {
      if (!patch.references.empty())
        fail(ErrorKind::unsupported,
             "what it changes inside of chunks is packed against other places of the volume too "
             "(PATCH with references), which is not at hand here; send it with --patch never");
      const std::optional<AlignedBytes> base =
          before_ != nullptr ? before_->content(patch.extents) : std::nullopt;
      if (!base)
        fail(ErrorKind::unsupported,
             "what it changes inside of chunks is packed against its base (PATCH), and what that "
             "holds is not in the streams before it; begin with a full stream, or send it with "
             "--patch never");
      if (!applies_to(patch, *base))
        fail(ErrorKind::base,
             "a patch at byte {} does not apply to what the streams before it lead to; one of them "
             "is not what it says it is",
             patch.extents.front().offset);
      return apply_patch(patch, *base);
    } catch (Error& error) {
      error.while_doing(path_);
      throw;
    }
  }

  std::string path_;
  FdInput input_;
  std::unique_ptr<FrameSource> frames_;
  ChangeLookAhead* before_;
  FrameChanges changes_;
  BeginFrame begin_;
};

/// All streams side by side, from their starts, as one.
class MergedStream {
 public:
  explicit MergedStream(const std::vector<StreamFile>& files) {
    for (const StreamFile& file : files) {
      if (inputs_.empty()) {
        inputs_.push_back(std::make_unique<InputStream>(file, nullptr));
        begin_ = inputs_.front()->begin();
        changes_ = &inputs_.front()->changes();
      } else {
        add(file);
      }
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
  void add(const StreamFile& file) {
    before_.push_back(std::make_unique<ChangeLookAhead>(*changes_, begin_.is_full()));
    inputs_.push_back(std::make_unique<InputStream>(file, before_.back().get()));
    InputStream& input = *inputs_.back();
    try {
      merges_.push_back(
          std::make_unique<StreamMerge>(begin_, *before_.back(), input.begin(), input.changes()));
    } catch (Error& error) {
      error.while_doing(file.path);
      throw;
    }
    begin_ = merges_.back()->begin();
    changes_ = merges_.back().get();
  }

  std::vector<std::unique_ptr<ChangeLookAhead>> before_;  // each of all inputs before the next
  std::vector<std::unique_ptr<InputStream>> inputs_;
  std::vector<std::unique_ptr<StreamMerge>> merges_;  // each of the one before and the next input
  BeginFrame begin_;
  ChangeSource* changes_ = nullptr;  // of the last merge
};

struct MergePlan {
  BeginFrame begin;
  std::vector<Totals> inputs;
};

/// The first time through the files.
MergePlan plan(const std::vector<StreamFile>& files) {
  MergedStream merged(files);
  MergePlan plan{merged.begin(), {}};
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

/// The second time.
void write(const std::vector<StreamFile>& files, const MergePlan& plan, FdOutput output) {
  MergedStream merged(files);
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
  if (merged.totals() != plan.inputs)
    fail(ErrorKind::failed,
         "a stream changed while it was read; wait until it is written, then run it again");
  encoder.finish(merged.content_root());
}

}  // namespace

void merge_streams(const std::vector<std::string>& files,
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
  const MergePlan what = plan(inputs);
  // From here on bytes go out: a failure leaves a stream without an END.
  write(inputs, what, FdOutput(file ? file->fd() : output));
  if (file) file->commit();
}

}  // namespace bsr
