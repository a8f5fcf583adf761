// The content root, leaf by leaf.
#pragma once

#include "base/bytes.h"
#include "formats/content_tree.h"

namespace bsr {

/// By reading all of it.
inline Digest naive_root(const Bytes& content) {
  ContentTree tree(content.size());
  for (uint64_t leaf = 0; leaf < leaf_count(content.size()); ++leaf) {
    const Extent extent = leaf_extent(leaf, content.size());
    tree.add(leaf_digest(ByteView(content).subspan(extent.offset, extent.length)));
  }
  return tree.root();
}

}  // namespace bsr
