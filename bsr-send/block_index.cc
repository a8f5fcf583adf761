// Windows are chosen by a rolling hash of what they hold, so that the same bytes are found again at
// any offset.
#include "bsr-send/block_index.h"

#include <algorithm>
#include <array>

namespace bsr {
namespace {

// Measured with databases and file systems (docs/performance.md).
constexpr unsigned kSampling = 9;        // so many bits are zero in the hash of a window
constexpr size_t kLeastHits = 2;         // of a block, or reading it costs more than it saves
constexpr size_t kWindow = 64;           // bytes: the rolling hash loses a bit for each
constexpr unsigned kBlockBits = 40;      // of an entry
constexpr unsigned kPlaceBits = 20;      // of a fingerprint
constexpr uint64_t kEmpty = UINT64_MAX;  // no block has that number

/// The finalizer of MurmurHash3, which is in the public domain.
constexpr uint64_t mixed(uint64_t value) {
  value = (value ^ (value >> 33U)) * 0xff51afd7ed558ccdU;
  value = (value ^ (value >> 33U)) * 0xc4ceb9fe1a85ec53U;
  return value ^ (value >> 33U);
}

constexpr std::array<uint64_t, 256> kGear = [] {
  std::array<uint64_t, 256> gear{};
  for (size_t i = 0; i < gear.size(); ++i) gear.at(i) = mixed(i + 1);
  return gear;
}();

void append_from_page(ByteView page, std::vector<uint64_t>& to) {
  uint64_t hash = 0;
  for (size_t i = 0; i < page.size(); ++i) {
    hash = (hash << 1U) + kGear[std::to_integer<uint8_t>(page[i])];  // NOLINT: for each byte
    if ((hash >> (64 - kSampling)) == 0 && i + 1 >= kWindow) to.push_back(mixed(hash));
  }
}

std::vector<uint64_t> all_fingerprints(ByteView bytes) {
  std::vector<uint64_t> found;
  for (size_t at = 0; at < bytes.size(); at += kPage)
    append_from_page(bytes.subspan(at, std::min(kPage, bytes.size() - at)), found);
  return found;
}

constexpr uint64_t place_of(uint64_t fingerprint) { return fingerprint >> (64 - kPlaceBits); }
constexpr uint64_t entry_of(uint64_t fingerprint, uint64_t block) {
  return fingerprint << kBlockBits | block;
}

}  // namespace

BlockIndex::BlockIndex() : entries_(size_t{1} << kPlaceBits) {
  for (std::atomic<uint64_t>& entry : entries_) entry.store(kEmpty, std::memory_order_relaxed);
}

BlockIndex::Fingerprints BlockIndex::fingerprints(ByteView bytes) {
  Fingerprints found = all_fingerprints(bytes);
  std::ranges::sort(found);
  found.erase(std::unique(found.begin(), found.end()), found.end());
  return found;
}

void BlockIndex::add(uint64_t block, ByteView bytes) {
  for (const uint64_t fingerprint : all_fingerprints(bytes))
    entries_[place_of(fingerprint)].store(entry_of(fingerprint, block), std::memory_order_relaxed);
}

void BlockIndex::add_pages(Extent part, ByteView bytes) {
  for (uint64_t at = (part.offset + kPage - 1) / kPage * kPage; at + kPage <= part.end();
       at += kPage) {
    const ByteView page = bytes.subspan(at - part.offset, kPage);
    if (!is_zero(page)) add(at / kBlock, page);
  }
}

std::optional<uint64_t> BlockIndex::block_of(uint64_t fingerprint) const {
  const uint64_t entry = entries_[place_of(fingerprint)].load(std::memory_order_relaxed);
  const uint64_t block = entry & ((uint64_t{1} << kBlockBits) - 1);
  if (entry == kEmpty || entry != entry_of(fingerprint, block)) return std::nullopt;
  return block;
}

std::vector<uint64_t> BlockIndex::find(const Fingerprints& wanted, size_t most) const {
  std::vector<uint64_t> seen;
  for (const uint64_t fingerprint : wanted)
    if (const std::optional<uint64_t> block = block_of(fingerprint)) seen.push_back(*block);
  std::ranges::sort(seen);

  struct Candidate {
    uint64_t block;
    size_t hits;
  };
  std::vector<Candidate> candidates;
  for (const uint64_t block : seen) {
    if (candidates.empty() || candidates.back().block != block) candidates.push_back({block, 0});
    ++candidates.back().hits;
  }
  std::erase_if(candidates, [](const Candidate& block) { return block.hits < kLeastHits; });
  if (candidates.size() > most) {
    std::ranges::stable_sort(candidates, std::greater{}, &Candidate::hits);
    candidates.resize(most);
  }
  std::vector<uint64_t> blocks;
  blocks.reserve(candidates.size());
  for (const Candidate& candidate : candidates) blocks.push_back(candidate.block);
  std::ranges::sort(blocks);
  return blocks;
}

}  // namespace bsr
