#include "bsr-stream/digest_tool.h"

#include "base/error.h"
#include "formats/digest.h"
#include "formats/json_lines.h"
#include "platform/content_scan.h"
#include "platform/fd_stream.h"
#include "platform/new_file.h"

namespace bsr {

int run_digest_tool(const DigestToolOptions& options, int output) {
  BlockFile file(options.path, BlockFile::Access::shared_read);
  const uint64_t size = file.size();
  std::optional<NewFile> map_file;
  std::optional<ContentMapWriter> map;
  if (options.output) {
    map_file.emplace(*options.output);
    map.emplace(map_file->fd());
  }

  const ContentResult found = scan_file(
      file,
      [&](const Digest& leaf) {
        if (map) map->add(leaf);
      },
      [&](uint64_t count) {
        if (map) map->add_zeros(count);
      },
      options.threads);
  if (map) {
    map->finish({size, found.root});
    map_file->commit();
  }
  const std::string text = options.json
                               ? json_content(options.path, size, found.root, found.bytes_read)
                               : to_hex(found.root) + '\n';
  FdOutput(output).write_all({std::as_bytes(std::span(text))});
  return 0;
}

}  // namespace bsr
