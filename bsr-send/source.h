// What is sent: a snapshot, and perhaps an older one to start from, wherever they live.
#pragma once

#include <memory>

#include "bsr-send/options.h"
#include "bsr-send/plan.h"
#include "formats/frame.h"
#include "platform/volume.h"

namespace bsr {

/// One session's source. The calls come in the order in which they stand here.
class SendSource {
 public:
  virtual ~SendSource() = default;

  /// Identities and sizes, after plan() states too; the fields about the plan are left to the
  /// caller.
  [[nodiscard]] virtual const BeginFrame& describe() const = 0;

  /// Asks what must be shipped. The pool's metadata snapshot is held only meanwhile.
  virtual std::unique_ptr<Plan> plan(DeltaEngine engine) = 0;

  /// After plan(): all that the snapshot maps, whatever the base is.
  virtual std::unique_ptr<Plan> mapped(DeltaEngine engine) = 0;

  /// After plan(): where the snapshot was written to after it was made, below the place where this
  /// session continues another one.
  [[nodiscard]] virtual ExtentSpool& own_before() = 0;

  /// Whether the identities are those of one volume in the world, for ever.
  [[nodiscard]] virtual bool has_lasting_names() const = 0;

  /// After plan(): why the base cannot stand for what the receiver has; empty when it can, or when
  /// the options do not ask for that.
  [[nodiscard]] virtual const std::string& base_problem() const = 0;

  /// A reader of the snapshot's bytes, which do not change while the source lives.
  virtual std::unique_ptr<VolumeReader> open() = 0;

  /// One of the base, which there is, without a problem.
  virtual std::unique_ptr<VolumeReader> open_base() = 0;

  /// After all readers are gone: puts back whatever had to be changed to read, and says so when
  /// that fails.
  virtual void close() = 0;
};

/// What base_problem() says of a base that was written to.
[[nodiscard]] std::string unsteady_base(const std::string& name);

/// A snapshot in LVM. Throws Error{usage} for names that cannot be, {base} when the two do not
/// share a pool, {busy} for a volume that is written to, {failed} for what LVM says.
std::unique_ptr<SendSource> open_lvm_source(const SendOptions& options);

/// A snapshot in a pool image.
std::unique_ptr<SendSource> open_image_source(const SendOptions& options);

}  // namespace bsr
