#include "bsr-send/sent_content.h"

#include <cstdio>

#include "base/error.h"
#include "platform/lvm.h"

namespace bsr {

ContentResult SentContent::compute(Plan& plan, VolumeReader& volume,
                                   const std::function<void(const Digest& leaf)>& on_leaf) {
  const BeginFrame& begin = source_.describe();
  std::optional<ContentMap> base;
  if (!begin.is_full() && source_.has_lasting_names())
    base = store_.find(map_name(begin.base_id, begin.base_state), begin.base_size);
  std::unique_ptr<Plan> mapped;
  if (!begin.is_full() && !base) mapped = source_.mapped(engine_);
  Plan::Reader touched(mapped ? *mapped : plan);
  if (source_.has_lasting_names()) draft_.emplace(store_);

  const ContentResult result = scan_content({.volume = volume,
                                             .size = begin.volume_size,
                                             .touched = touched,
                                             .known = base ? &*base : nullptr,
                                             .threads = threads_},
                                            [&](const Digest& leaf) {
                                              if (draft_) draft_->add(leaf);
                                              on_leaf(leaf);
                                            });
  if (draft_) draft_->finish({begin.volume_size, result.root});
  return result;
}

void SentContent::keep() try {
  if (!draft_) return;
  const BeginFrame& begin = source_.describe();
  draft_->keep(map_name(begin.snapshot_id, begin.snapshot_state));
  store_.remove_all_but([] { return Lvm().uuids(); });
} catch (const Error& error) {
  std::fputs(fmt::format("bsr-send: {}: its content map is not kept, so the next "
                         "--content-digest may read more than what changed: {}\n",
                         source_.describe().name, error.what())
                 .c_str(),
             stderr);
}

}  // namespace bsr
