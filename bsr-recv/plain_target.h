// A file or block device as target: base id in, final id out, nothing implicit.
#pragma once

#include <optional>
#include <string>

#include "bsr-recv/checkpoint_file.h"
#include "bsr-recv/target.h"
#include "platform/block_sink.h"
#include "platform/file_reads.h"
#include "platform/new_file.h"

namespace bsr {

/// A file that does not exist is written under a temporary name and gets its own at commit.
/// Anything that exists is written in place: after a failed session it holds neither state, until
/// that session is continued or a full stream replaces all of it.
class PlainTarget final : public Target {
 public:
  /// `base`: the snapshot that the caller says the target holds.
  PlainTarget(std::string path, std::optional<std::string> base);

  /// Bytes of what is there now. Throws Error{base} when there is nothing.
  [[nodiscard]] uint64_t existing_size() const;

  [[nodiscard]] std::optional<BeginFrame> partial() const override;
  void drop_partial() override;
  void check(const BeginFrame& begin) override;
  [[nodiscard]] bool holds(const BeginFrame&) const override { return false; }
  void settle() override {}
  VolumeSink& prepare(const BeginFrame& begin) override;
  /// It is written in place, and no byte twice.
  VolumeReader& base(const BeginFrame&) override { return written(); }
  VolumeReader& written() override;
  [[nodiscard]] bool starts_empty() const override { return !exists_; }
  void record(const BeginFrame& begin) override;
  [[nodiscard]] std::string after_failure() const override;
  ContentResult content(const BeginFrame& begin, const std::function<void()>& tick) override;
  ContentResult held_content(const BeginFrame&, const std::function<void()>&) override {
    return {};
  }
  void discard() override;
  void commit(const BeginFrame& begin) override;

 private:
  /// What a checkpoint is about: the file or device itself, under whatever name; empty when there
  /// is none.
  [[nodiscard]] std::string written_volume() const;
  void check_base(const BeginFrame& begin) const;
  void check_size(const BeginFrame& begin) const;

  std::string path_;
  std::optional<std::string> base_;
  bool exists_;
  bool is_resync_ = false;             // the stream applies to what is here, whatever it is called
  std::optional<BlockFile> existing_;  // held exclusively from the start, until sink_ takes it over
  CheckpointFile checkpoint_;
  std::optional<NewFile> new_file_;
  std::optional<BlockSink> sink_;
  std::optional<BorrowedReader> reader_;  // reads what sink_ writes
};

}  // namespace bsr
