#include "bsr-recv/generation_contents.h"

#include <cstdio>

#include "base/error.h"

namespace bsr {

ContentResult GenerationContents::read(
    const Generation& generation, const std::function<void(const Digest& leaf)>& on_leaf) const {
  Activation active(lvm_, generation.volume);
  ContentDraft map = draft();
  ContentResult result;
  {
    BlockFile file(generation.volume.path, BlockFile::Access::shared_read);
    result = scan_file(file, [&](const Digest& leaf) {
      map.add(leaf);
      on_leaf(leaf);
    });
  }
  active.release_unless_in_use();
  map.finish({generation.size, result.root});
  keep(map, generation.volume.uuid);
  return result;
}

void GenerationContents::keep(ContentDraft& draft, const std::string& uuid) const try {
  draft.keep(uuid);
  store_.remove_all_but([&] { return lvm_.uuids(); });
} catch (const Error& error) {
  std::fputs(fmt::format("bsr-recv: {}: its content map is not kept, so the next session may read "
                         "more than what changed: {}\n",
                         to_string(target_), error.what())
                 .c_str(),
             stderr);
}

}  // namespace bsr
