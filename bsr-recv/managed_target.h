// A volume in LVM that is kept as a row of generations, by the commit protocol of docs/design.md.
#pragma once

#include <optional>

#include "bsr-recv/generation_contents.h"
#include "bsr-recv/generations.h"
#include "bsr-recv/target.h"
#include "bsr-recv/working_copy.h"
#include "platform/file_lock.h"
#include "platform/pool_guard.h"

namespace bsr {

/// What is there is looked at, a stream is decided about, a working copy is made, written and
/// committed: each step has what the one before gave it.
class ManagedTarget final : public Target {
 public:
  /// What the administrator allows.
  struct Options {
    std::optional<VolumeName> pool;  ///< where a first full stream makes its volume
    bool rollback = false;  ///< leave a diverged state, or newer generations, behind as snapshots
    PoolReserve reserve;
    bool reads_everything = false;  ///< what is known of a generation does not save reading it
  };

  /// Takes the target's lock and looks at what is there. Throws Error{busy} while another session
  /// has the lock.
  ManagedTarget(VolumeName target, Naming naming, Options options);

  /// Bytes of the newest generation. Throws Error{base} when there is none.
  [[nodiscard]] uint64_t size_of_newest() const;

  /// Reads every byte of the newest generation, whatever is known of it, and returns its root. Says
  /// on standard error when it is not what was committed.
  Digest read_newest(const std::function<void(const Digest& leaf)>& on_leaf);

  [[nodiscard]] Leftover& left() override { return left_; }
  void drop_partial() override;
  Action check(const BeginFrame& begin) override;
  std::unique_ptr<HeldGeneration> held(const BeginFrame& begin) override;
  void settle() override;
  VolumeSink& prepare(const BeginFrame& begin) override;
  [[nodiscard]] const BlockFile& file() const override { return work_->open.value().file(); }
  VolumeReader& base(const BeginFrame& begin) override;
  VolumeReader& written() override { return work_->open.value().written(); }
  [[nodiscard]] bool is_new() const override { return !base_; }
  std::unique_ptr<DeltaSource> may_hold(const BeginFrame& begin) override;
  void record(const BeginFrame& begin, uint64_t logged) override { left_.reached(begin, logged); }
  ContentResult content(const BeginFrame& begin, GatheredLeaves* gathered,
                        const std::function<void()>& tick) override;
  ContentResult held_content(const BeginFrame& begin, const std::function<void()>& tick) override;
  void check_untouched(const BeginFrame& begin, const WrittenLog& log) override;
  void discard() override;
  void commit(const BeginFrame& begin) override;

 private:
  /// While a working copy has a device. What is open is closed first.
  struct Work {
    Work(const WorkingPlace& place, const LogicalVolume& copy) : active(place, copy) {}

    ActiveCopy active;
    std::optional<OpenGeneration> base;
    std::optional<OpenCopy> open;
  };

  std::vector<LogicalVolume> look();  ///< refreshes state_; all volumes of the group
  [[nodiscard]] WorkingPlace place() const;
  [[nodiscard]] VolumeName pool_name() const;
  [[nodiscard]] Leftover::Thing working_thing() const;
  [[nodiscard]] Leftover find_leftover(Naming naming) const;
  void refuse_open_copy();
  void forget_removed() const;
  [[nodiscard]] std::optional<ContentMap> known(const Generation& generation) const;
  void check_resync(const BeginFrame& begin);
  void keep_state(const BeginFrame& begin) const;
  void take_back(Origin origin, const BeginFrame& begin);
  void note_device() const;
  void close_devices();
  void close();

  Lvm lvm_;
  VolumeName target_;
  Options options_;
  FileLock lock_;
  std::vector<std::string> useless_;  // records of volumes of this group that are gone
  TargetState state_;
  Leftover left_;
  GenerationContents contents_;
  std::optional<Generation> base_;     // that the working copy is made from
  std::optional<Work> work_;           // from prepare() to commit()
  ExtentSpool may_hold_;               // what it mapped at first, where no base stands behind it
  std::optional<ContentDraft> draft_;  // of the generation that is being made
  std::optional<Digest> base_root_;    // of a resync: what the newest generation was found to hold
  uint64_t mapped_ = 0;                // chunks of what is to be committed
  bool adds_nothing_ = false;          // the newest generation already is what was received
};

}  // namespace bsr
