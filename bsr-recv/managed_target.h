// A volume in LVM that is kept as a row of generations, by the commit protocol of docs/design.md.
#pragma once

#include <memory>
#include <optional>

#include "bsr-recv/checkpoint_file.h"
#include "bsr-recv/generations.h"
#include "bsr-recv/target.h"
#include "platform/activation.h"
#include "platform/block_sink.h"
#include "platform/content_store.h"
#include "platform/extent_spool.h"
#include "platform/file_lock.h"
#include "platform/file_reads.h"
#include "platform/pool_guard.h"

namespace bsr {

class ManagedTarget final : public Target {
 public:
  /// What the administrator allows.
  struct Options {
    std::optional<VolumeName> pool;  ///< where a first full stream makes its volume
    bool rollback = false;  ///< leave a diverged state, or newer generations, behind as snapshots
    PoolReserve reserve;
  };

  /// Takes the target's lock and looks at what is there. Throws Error{busy} while another session
  /// has the lock.
  ManagedTarget(VolumeName target, Options options);

  /// Bytes of the newest generation. Throws Error{base} when there is none.
  [[nodiscard]] uint64_t size_of_newest() const;

  /// Reads every byte of the newest generation, whatever is known of it, and returns its root. Says
  /// on standard error when it is not what was committed.
  Digest read_newest(const std::function<void(const Digest& leaf)>& on_leaf);

  [[nodiscard]] std::optional<BeginFrame> partial() const override;
  void drop_partial() override;
  void check(const BeginFrame& begin) override;
  [[nodiscard]] bool holds(const BeginFrame& begin) const override;
  void settle() override;
  VolumeSink& prepare(const BeginFrame& begin) override;
  VolumeReader& base(const BeginFrame& begin) override;
  VolumeReader& written() override;
  [[nodiscard]] bool starts_empty() const override { return state_.generations.empty(); }
  void record(const BeginFrame& begin) override;
  ContentResult content(const BeginFrame& begin, const std::function<void()>& tick) override;
  ContentResult held_content(const BeginFrame& begin, const std::function<void()>& tick) override;
  void discard() override;
  void commit(const BeginFrame& begin) override;

 private:
  [[nodiscard]] VolumeName pool_name() const;
  std::vector<LogicalVolume> look();  ///< refreshes state_; all volumes of the group
  [[nodiscard]] bool working_copy_differs() const;
  [[nodiscard]] ExtentSpool changed_since(const Generation* base, uint64_t size) const;
  ContentResult read_generation(const Generation& generation,
                                const std::function<void(const Digest& leaf)>& on_leaf) const;
  void check_resync(const BeginFrame& begin);
  void keep_map(ContentDraft& draft, const std::string& uuid) const;
  void use_clean_working_copy(const BeginFrame& begin);
  void keep_diverged();
  void make_working_copy(const BeginFrame& begin);
  void remove_working_copy();
  /// Before anything was written to a working copy that was there, and clean, or was made for this.
  void leave_no_trace(bool was_clean, const BeginFrame& begin);
  void close_volumes();
  void resize_working_copy(uint64_t bytes);

  Lvm lvm_;
  VolumeName target_;
  Options options_;
  FileLock lock_;
  CheckpointFile checkpoint_;
  TargetState state_;
  ContentStore contents_;              // of generations
  std::optional<ContentDraft> draft_;  // of the generation that is being made
  std::optional<Digest> base_root_;    // of a resync: what the newest generation was found to hold
  bool adds_nothing_ = false;          // the newest generation already is what was received
  std::optional<Activation> activation_;
  std::optional<Activation> base_activation_;
  std::optional<BlockReader> base_;  // of the generation that patches apply to
  std::optional<BlockSink> device_;  // after activation_: closed before the volume is deactivated
  std::optional<BorrowedReader> written_;  // reads what device_ writes
  std::optional<PoolGuard> sink_;
};

}  // namespace bsr
