// make-pool-image CHUNK_KIB METADATA_XML DATA_FILE VOLUME_IMAGE...
//
// Makes a thin pool out of plain volume images, as if they were snapshots of one volume taken one
// after the other: thin device 1 is the first image, 2 the second and so on. Chunks of zeros stay
// unmapped, chunks equal to the previous image's share its data block. Writes the data file and the
// XML that thin_restore turns into metadata.
#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>
#include <vector>

namespace {

using Chunk = std::vector<char>;

struct Mapping {
  uint64_t data_block;
  Chunk content;
};

[[noreturn]] void die(const std::string& text) {
  std::fprintf(stderr, "make-pool-image: %s\n", text.c_str());
  std::exit(1);
}

/// The device's mappings, after its new chunks were appended to `data`.
std::map<uint64_t, Mapping> map_image(const std::string& path, size_t chunk_size,
                                      const std::map<uint64_t, Mapping>& previous,
                                      std::ofstream& data, uint64_t& next_block) {
  std::ifstream image(path, std::ios::binary);
  if (!image) die("cannot open " + path);
  std::map<uint64_t, Mapping> mappings;
  for (uint64_t block = 0;; ++block) {
    Chunk chunk(chunk_size);
    image.read(chunk.data(), static_cast<std::streamsize>(chunk_size));
    if (image.gcount() == 0) return mappings;
    if (std::ranges::all_of(chunk, [](char c) { return c == 0; })) continue;
    const auto old = previous.find(block);
    if (old != previous.end() && old->second.content == chunk) {
      mappings.emplace(block, old->second);
      continue;
    }
    data.write(chunk.data(), static_cast<std::streamsize>(chunk_size));
    mappings.emplace(block, Mapping{next_block++, std::move(chunk)});
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 5) die("usage: make-pool-image CHUNK_KIB METADATA_XML DATA_FILE VOLUME_IMAGE...");
  const size_t chunk_size = std::strtoul(argv[1], nullptr, 10) * 1024;
  if (chunk_size == 0) die("bad chunk size");
  std::ofstream data(argv[3], std::ios::binary);

  std::map<uint64_t, Mapping> previous;
  uint64_t next_block = 0;
  std::string devices;
  for (int i = 4; i < argc; ++i) {
    std::map<uint64_t, Mapping> mappings =
        map_image(argv[i], chunk_size, previous, data, next_block);
    // A snapshot that nobody wrote to: its mappings are older than it.
    const std::string time = std::to_string(i - 4);
    const std::string created = std::to_string(i - 3);
    devices += "  <device dev_id=\"" + std::to_string(i - 3) + "\" mapped_blocks=\"" +
               std::to_string(mappings.size()) + "\" transaction=\"" + time +
               "\" creation_time=\"" + created + "\" snap_time=\"" + created + "\">\n";
    for (const auto& [block, mapping] : mappings)
      devices += "    <single_mapping origin_block=\"" + std::to_string(block) +
                 "\" data_block=\"" + std::to_string(mapping.data_block) + "\" time=\"" + time +
                 "\"/>\n";
    devices += "  </device>\n";
    previous = std::move(mappings);
  }

  std::ofstream xml(argv[2]);
  xml << "<superblock uuid=\"\" time=\"" << argc - 4 << "\" transaction=\"" << argc - 4
      << "\" flags=\"0\" version=\"2\" data_block_size=\"" << chunk_size / 512
      << "\" nr_data_blocks=\"" << next_block + 16 << "\">\n"
      << devices << "</superblock>\n";
  if (!xml.flush() || !data.flush()) die("cannot write");
  return 0;
}
