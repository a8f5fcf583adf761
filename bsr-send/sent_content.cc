#include "bsr-send/sent_content.h"

#include <cstdio>

#include "base/error.h"
#include "platform/lvm.h"

namespace bsr {

void SentContent::begin_offers(uint64_t position) {
  offered_.emplace(source_.describe().volume_size, threads_);
  offered_end_ = position;
}

void SentContent::offer(const Extent& part, ByteView bytes) {
  zeros_before(part.offset);
  if (bytes.empty())
    offered_->add_zeros(part);
  else
    offered_->add(part, bytes);
  offered_end_ = part.end();
}

void SentContent::end_offers() { zeros_before(source_.describe().volume_size); }

void SentContent::zeros_before(uint64_t offset) {
  if (source_.describe().is_full()) offered_->add_zeros({offered_end_, offset - offered_end_});
}

ContentResult SentContent::compute(Plan& plan, VolumeReader& volume, const Listener& listener) {
  const BeginFrame& begin = source_.describe();
  std::optional<ContentMap> base;
  if (!begin.is_full() && source_.has_lasting_names())
    base = store_.find(map_name(begin.base_id, begin.base_state), begin.base_size);
  std::unique_ptr<Plan> mapped;
  if (!begin.is_full() && !base) mapped = source_.mapped(engine_);
  Plan::Reader touched(mapped ? *mapped : plan);
  if (source_.has_lasting_names()) draft_.emplace(store_);
  if (offered_) offered_->finish();

  const ContentResult result = scan_content({.volume = volume,
                                             .size = begin.volume_size,
                                             .touched = touched,
                                             .known = base ? &*base : nullptr,
                                             .gathered = offered_ ? &*offered_ : nullptr,
                                             .threads = threads_,
                                             .on_zeros =
                                                 [&](uint64_t count) {
                                                   if (draft_) draft_->add_zeros(count);
                                                   listener.on_zeros(count);
                                                 }},
                                            [&](const Digest& leaf) {
                                              if (draft_) draft_->add(leaf);
                                              listener.on_leaf(leaf);
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
