#include "formats/content_tree.h"

#include <algorithm>

#include "base/error.h"
#include "formats/digest.h"

namespace bsr {
namespace {

Digest sha256(ByteView bytes) {
  Sha256 sha;
  sha.update(bytes);
  return sha.finish();
}

constexpr std::string_view kContentPrefix = "content:";
constexpr size_t kContentDigits = 40;  // what an identity has room for, and more than enough

}  // namespace

std::string content_identity(const Digest& root) {
  return std::string(kContentPrefix) + to_hex(root).substr(0, kContentDigits);
}

bool is_content_identity(std::string_view identity) { return identity.starts_with(kContentPrefix); }

Digest leaf_digest(ByteView leaf) { return is_zero(leaf) ? Digest{} : sha256(leaf); }

void ContentTree::add(const Digest& leaf) { add_to(0, leaf); }

void ContentTree::add_to(size_t level, const Digest& digest) {
  if (level == levels_.size()) levels_.emplace_back();
  append(levels_[level].pending, digest);
  ++levels_[level].count;
  if (levels_[level].pending.size() == kTreeFanout * digest.size()) close_node(level);
}

void ContentTree::add_zeros(uint64_t count) { add_zeros_to(0, count); }

/// A node of zeros only is zeros itself, so most of them are counted a level above.
void ContentTree::add_zeros_to(size_t level, uint64_t count) {
  const auto fill = [&](uint64_t at_most) {
    const uint64_t digests = std::min(count, at_most);
    for (uint64_t i = 0; i < digests; ++i) add_to(level, {});
    count -= digests;
  };
  if (level == levels_.size() && count > 0) levels_.emplace_back();
  if (count > 0) fill((kTreeFanout - levels_[level].count % kTreeFanout) % kTreeFanout);
  const uint64_t nodes = count / kTreeFanout;
  if (nodes > 0) {
    levels_[level].count += nodes * kTreeFanout;
    add_zeros_to(level + 1, nodes);
  }
  count %= kTreeFanout;
  fill(count);
}

void ContentTree::close_node(size_t level) {
  const Bytes& digests = levels_[level].pending;
  const Digest node = is_zero(digests) ? Digest{} : sha256(digests);
  levels_[level].pending.clear();
  add_to(level + 1, node);
}

Digest ContentTree::root() {
  if ((levels_.empty() ? 0 : levels_[0].count) != leaf_count(volume_size_))
    fail(ErrorKind::failed, "a volume of {} bytes has another number of leaves", volume_size_);
  Digest top{};
  for (size_t level = 0; level < levels_.size(); ++level) {
    if (levels_[level].count == 1)
      std::ranges::copy(levels_[level].pending, top.begin());
    else if (!levels_[level].pending.empty())
      close_node(level);
  }
  Bytes last;
  append_le(last, volume_size_);
  append(last, top);
  return sha256(last);
}

}  // namespace bsr
