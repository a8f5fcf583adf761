// A file or block device as target: base id in, final id out, nothing implicit.
#pragma once

#include <memory>
#include <optional>
#include <string>

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
  /// `base`: the snapshot that the caller says the target holds. Throws Error{busy} when somebody
  /// has it and keeps it.
  PlainTarget(std::string path, Naming naming, std::optional<std::string> base);

  /// Bytes of what is there now. Throws Error{base} when there is nothing.
  [[nodiscard]] uint64_t existing_size() const;

  [[nodiscard]] Leftover& left() override { return left_; }
  void drop_partial() override;
  Action check(const BeginFrame& begin) override;
  std::unique_ptr<HeldGeneration> held(const BeginFrame&) override { return nullptr; }
  void settle() override {}
  VolumeSink& prepare(const BeginFrame& begin) override;
  [[nodiscard]] const BlockFile& file() const override { return sink_.value().file(); }
  [[nodiscard]] bool may_bring_up_old_content() const override { return is_opaque_; }
  /// It is written in place, and no byte twice.
  VolumeReader& base(const BeginFrame&) override { return written(); }
  VolumeReader& written() override;
  [[nodiscard]] bool is_new() const override { return !exists_; }
  std::unique_ptr<DeltaSource> may_hold(const BeginFrame& begin) override;
  void record(const BeginFrame& begin, uint64_t logged) override;
  void give_back_behind(uint64_t position) override;
  ContentResult content(const BeginFrame& begin, GatheredLeaves* gathered,
                        const std::function<void()>& tick) override;
  ContentResult held_content(const BeginFrame&, const std::function<void()>&) override {
    return {};
  }
  void discard() override;
  void commit(const BeginFrame& begin) override;

 private:
  [[nodiscard]] PlainFacts facts() const;
  void remember(const BeginFrame& begin) const;
  void say(const std::string& text) const;

  std::string path_;
  std::optional<std::string> base_;
  std::optional<BlockFile> existing_;  // held exclusively from the start, until sink_ takes it over
  bool exists_;
  bool is_opaque_ = false;  // a device, and no thin one
  std::unique_ptr<NewFile> new_file_;
  Leftover left_;
  std::optional<BlockSink> sink_;
  std::optional<BorrowedReader> reader_;  // reads what sink_ writes
};

}  // namespace bsr
