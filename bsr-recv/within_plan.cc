#include "bsr-recv/within_plan.h"

#include <utility>

#include "formats/plan_limits.h"

namespace bsr {
namespace {

class WithinPlan final : public FrameSource {
 public:
  explicit WithinPlan(std::unique_ptr<FrameSource> source) : source_(std::move(source)) {}

  std::optional<Frame> next() override {
    std::optional<Frame> frame = source_->next();
    if (frame) limits_.check(*frame);
    return frame;
  }
  [[nodiscard]] uint64_t wire_bytes() const override { return source_->wire_bytes(); }
  [[nodiscard]] ResumePoint progress() const override { return source_->progress(); }

 private:
  std::unique_ptr<FrameSource> source_;
  PlanLimits limits_;
};

}  // namespace

std::unique_ptr<FrameSource> within_plan(std::unique_ptr<FrameSource> source) {
  return std::make_unique<WithinPlan>(std::move(source));
}

}  // namespace bsr
