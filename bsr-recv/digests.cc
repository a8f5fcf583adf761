#include "bsr-recv/digests.h"

#include <unistd.h>

#include "base/error.h"
#include "bsr-recv/managed_target.h"
#include "platform/content_scan.h"
#include "platform/spool.h"

namespace bsr {
namespace {

ContentMapHeader read_managed(const VolumeName& name, ContentMapWriter& map) {
  ManagedTarget target(name, {.target = to_string(name), .arguments = to_string(name)}, {});
  const uint64_t size = target.size_of_newest();
  return {size, target.read_newest([&](const Digest& leaf) { map.add(leaf); })};
}

ContentMapHeader read_plain(const std::string& path, ContentMapWriter& map) {
  BlockFile file(path, BlockFile::Access::read);
  return {file.size(), scan_file(
                           file, [&](const Digest& leaf) { map.add(leaf); },
                           [&](uint64_t count) { map.add_zeros(count); })
                           .root};
}

}  // namespace

int write_digests(const ReceiveOptions& options, int output) {
  if (isatty(output) == 1)
    fail(ErrorKind::usage,
         "a content map is written to standard output, and that is a terminal; use a file or a "
         "pipe");
  UniqueFd file = temporary_file();
  ContentMapWriter writer(file.get());
  writer.finish(options.managed ? read_managed(*options.managed, writer)
                                : read_plain(options.target, writer));
  write_content_map(ContentMap(std::move(file), "temporary file"), output);
  return 0;
}

}  // namespace bsr
