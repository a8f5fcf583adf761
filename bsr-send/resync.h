// What to send when the receiver's copy is known by its content only.
#pragma once

#include <string>

#include "bsr-send/sent_content.h"

namespace bsr {

/// Whole leaves that differ between a snapshot and a content map.
struct Resync {
  std::unique_ptr<Plan> plan;
  std::string base_id;
  uint64_t base_size = 0;
  ContentResult content;  ///< of the snapshot
};

/// `mapped`: what the snapshot maps, which is read; all else is zero. Throws as open_content_map().
Resync plan_resync(SendSource& source, SentContent& content, Plan& mapped,
                   const std::string& map_path);

}  // namespace bsr
