#include "bsr-send/references.h"

#include <algorithm>
#include <system_error>

#include "base/error.h"
#include "platform/patch_base.h"
#include "platform/signals.h"

namespace bsr {
namespace {

constexpr size_t kMostBlocks = 48;  // referred to by a patch
// Indexed before a patch is made; with more the receiver would wait too long.
constexpr size_t kPartsPerPatch = 1024;

bool is_within(uint64_t offset, const std::vector<Extent>& extents) {
  const auto behind = std::ranges::upper_bound(extents, offset, {}, &Extent::offset);
  return behind != extents.begin() && std::prev(behind)->end() > offset;
}

/// The pages of these blocks that end at or below `size` and are not among `extents`.
std::vector<Extent> pages_of(const std::vector<uint64_t>& blocks, uint64_t size,
                             const std::vector<Extent>& extents) {
  std::vector<Extent> pages;
  for (const uint64_t block : blocks)
    for (uint64_t at = block * kBlock; at < (block + 1) * kBlock; at += kPage) {
      if (at + kPage > size || is_within(at, extents)) continue;
      if (!pages.empty() && pages.back().end() == at)
        pages.back().length += kPage;
      else
        pages.push_back({at, kPage});
    }
  return pages;
}

}  // namespace

void References::start(uint64_t position) {
  snapshot_ = source_.snapshot();
  base_ = source_.base();
  index_ = std::make_unique<BlockIndex>();
  indexer_ =
      std::make_unique<BaseIndexer>(source_.plan(position), source_.base(), source_.size, *index_);
  if (ahead_ == Ahead::first) return;
  try {
    indexing_ = std::jthread([this](const std::stop_token& stop) { indexer_->run(stop); });
  } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): fewer references then
  }
}

void References::index_ahead_of(uint64_t position) {
  indexer_->passed(position);
  if (ahead_ == Ahead::in_background) return;
  for (size_t i = 0; i < kPartsPerPatch && indexer_->step(); ++i) throw_if_stopped();
}

void References::add_to(PatchDraft& patch) {
  if (!wanted_()) {
    if (indexer_) indexer_->pause();
    return;
  }
  const uint64_t begin = patch.extents.front().offset;
  if (!index_) start(begin);
  index_ahead_of(begin);
  BlockIndex::Fingerprints wanted;
  std::ranges::set_difference(BlockIndex::fingerprints(patch.content),
                              BlockIndex::fingerprints(patch.base), std::back_inserter(wanted));
  patch.references = pages_of(index_->find(wanted, kMostBlocks), source_.size, patch.extents);
  if (patch.references.empty()) return;
  AlignedBytes base = read_patch_base({*snapshot_, *base_}, begin, patch.references, {});
  append(base, patch.base);
  patch.base = std::move(base);
}

void References::sent(std::span<const Extent> extents, ByteView content) {
  if (!index_ || !wanted_()) return;
  for (const Extent& extent : extents) {
    index_->add_pages(extent, content);
    content = content.subspan(extent.length);
  }
}

}  // namespace bsr
