// What lvs 2.03.16 printed for a VG made for it: a thin pool with a mounted volume `vol`, its
// inactive read-only snapshot `snap`, a writable copy of that, `work`, two empty thin volumes, and
// a linear volume of two segments.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "base/error.h"

namespace bsr {

// clang-format off
inline constexpr std::string_view kReport = R"(  {
      "report": [
          {
              "lv": [
      {"vg_name":"vg0", "vg_uuid":"ZBrVsU-ViUd-KZyS-frHW-0qyz-UwRZ-DwAZBu",
       "vg_extent_size":"4194304", "lv_name":"lin-a_b+c.d",
       "lv_uuid":"P9NnUh-rhnf-e4Ks-BtwQ-Gbjz-L6oI-jGqiSc", "lv_size":"62914560", "lv_tags":"",
       "lv_time":"1795321732", "lv_path":"/dev/vg0/lin-a_b+c.d", "lv_active_locally":"1",
       "lv_permissions":"writeable", "lv_device_open":"0", "lv_skip_activation":"0",
       "segtype":"linear", "pool_lv":"", "pool_lv_uuid":"", "origin":"", "origin_uuid":"",
       "thin_id":"", "chunk_size":"0", "discards":"", "kernel_discards":"", "zero":"-1"},
      {"vg_name":"vg0", "vg_uuid":"ZBrVsU-ViUd-KZyS-frHW-0qyz-UwRZ-DwAZBu",
       "vg_extent_size":"4194304", "lv_name":"lin-a_b+c.d",
       "lv_uuid":"P9NnUh-rhnf-e4Ks-BtwQ-Gbjz-L6oI-jGqiSc", "lv_size":"62914560", "lv_tags":"",
       "lv_time":"1795321732", "lv_path":"/dev/vg0/lin-a_b+c.d", "lv_active_locally":"1",
       "lv_permissions":"writeable", "lv_device_open":"0", "lv_skip_activation":"0",
       "segtype":"linear", "pool_lv":"", "pool_lv_uuid":"", "origin":"", "origin_uuid":"",
       "thin_id":"", "chunk_size":"0", "discards":"", "kernel_discards":"", "zero":"-1"},
      {"vg_name":"vg0", "vg_uuid":"ZBrVsU-ViUd-KZyS-frHW-0qyz-UwRZ-DwAZBu",
       "vg_extent_size":"4194304", "lv_name":"lvol0_pmspare",
       "lv_uuid":"2gIWrV-uYKq-vvzC-RZe8-Vonp-r2tW-3ALysV", "lv_size":"8388608", "lv_tags":"",
       "lv_time":"1795321731", "lv_path":"", "lv_active_locally":"0", "lv_permissions":"unknown",
       "lv_device_open":"-1", "lv_skip_activation":"0", "segtype":"linear", "pool_lv":"",
       "pool_lv_uuid":"", "origin":"", "origin_uuid":"", "thin_id":"", "chunk_size":"0",
       "discards":"", "kernel_discards":"", "zero":"-1"},
      {"vg_name":"vg0", "vg_uuid":"ZBrVsU-ViUd-KZyS-frHW-0qyz-UwRZ-DwAZBu",
       "vg_extent_size":"4194304", "lv_name":"new",
       "lv_uuid":"RECRKn-YJYg-D06R-8ZB2-sUIn-Hzu5-LV1zwx", "lv_size":"50331648", "lv_tags":"q=1",
       "lv_time":"1795321733", "lv_path":"/dev/vg0/new", "lv_active_locally":"0",
       "lv_permissions":"unknown", "lv_device_open":"-1", "lv_skip_activation":"1",
       "segtype":"thin", "pool_lv":"pool", "pool_lv_uuid":"CifSc4-zv4j-mRrL-nW2I-wM5R-St4d-C0qR69",
       "origin":"", "origin_uuid":"", "thin_id":"4", "chunk_size":"0", "discards":"passdown",
       "kernel_discards":"", "zero":"1"},
      {"vg_name":"vg0", "vg_uuid":"ZBrVsU-ViUd-KZyS-frHW-0qyz-UwRZ-DwAZBu",
       "vg_extent_size":"4194304", "lv_name":"newro",
       "lv_uuid":"Swn68h-6gpT-xnGb-UvlH-VyNG-4eXm-hMqRJP", "lv_size":"50331648", "lv_tags":"",
       "lv_time":"1795321734", "lv_path":"/dev/vg0/newro", "lv_active_locally":"0",
       "lv_permissions":"read-only", "lv_device_open":"-1", "lv_skip_activation":"1",
       "segtype":"thin", "pool_lv":"pool", "pool_lv_uuid":"CifSc4-zv4j-mRrL-nW2I-wM5R-St4d-C0qR69",
       "origin":"", "origin_uuid":"", "thin_id":"5", "chunk_size":"0", "discards":"passdown",
       "kernel_discards":"", "zero":"1"},
      {"vg_name":"vg0", "vg_uuid":"ZBrVsU-ViUd-KZyS-frHW-0qyz-UwRZ-DwAZBu",
       "vg_extent_size":"4194304", "lv_name":"pool",
       "lv_uuid":"CifSc4-zv4j-mRrL-nW2I-wM5R-St4d-C0qR69", "lv_size":"314572800", "lv_tags":"",
       "lv_time":"1795321731", "lv_path":"", "lv_active_locally":"1", "lv_permissions":"writeable",
       "lv_device_open":"1", "lv_skip_activation":"0", "segtype":"thin-pool", "pool_lv":"",
       "pool_lv_uuid":"", "origin":"", "origin_uuid":"", "thin_id":"", "chunk_size":"65536",
       "discards":"passdown", "kernel_discards":"passdown", "zero":"1", "transaction_id":"5"},
      {"vg_name":"vg0", "vg_uuid":"ZBrVsU-ViUd-KZyS-frHW-0qyz-UwRZ-DwAZBu",
       "vg_extent_size":"4194304", "lv_name":"pool_tdata",
       "lv_uuid":"9JzTwg-PBKr-oXVx-oG5f-mm3z-YFBt-UoqIsw", "lv_size":"314572800", "lv_tags":"",
       "lv_time":"1795321731", "lv_path":"", "lv_active_locally":"1", "lv_permissions":"writeable",
       "lv_device_open":"1", "lv_skip_activation":"0", "segtype":"linear", "pool_lv":"",
       "pool_lv_uuid":"", "origin":"", "origin_uuid":"", "thin_id":"", "chunk_size":"0",
       "discards":"", "kernel_discards":"", "zero":"-1"},
      {"vg_name":"vg0", "vg_uuid":"ZBrVsU-ViUd-KZyS-frHW-0qyz-UwRZ-DwAZBu",
       "vg_extent_size":"4194304", "lv_name":"pool_tmeta",
       "lv_uuid":"12F32s-iyOM-j5WF-per5-owwg-fFgG-u3SPVS", "lv_size":"8388608", "lv_tags":"",
       "lv_time":"1795321731", "lv_path":"", "lv_active_locally":"1", "lv_permissions":"writeable",
       "lv_device_open":"1", "lv_skip_activation":"0", "segtype":"linear", "pool_lv":"",
       "pool_lv_uuid":"", "origin":"", "origin_uuid":"", "thin_id":"", "chunk_size":"0",
       "discards":"", "kernel_discards":"", "zero":"-1"},
      {"vg_name":"vg0", "vg_uuid":"ZBrVsU-ViUd-KZyS-frHW-0qyz-UwRZ-DwAZBu",
       "vg_extent_size":"4194304", "lv_name":"snap",
       "lv_uuid":"kwOEy3-eQGu-Q8TK-ggcZ-wvzL-XFsB-4XkA3O", "lv_size":"104857600",
       "lv_tags":"bsr.uuid=a-b,x/y:z", "lv_time":"1795321733", "lv_path":"/dev/vg0/snap",
       "lv_active_locally":"0", "lv_permissions":"read-only", "lv_device_open":"-1",
       "lv_skip_activation":"1", "segtype":"thin", "pool_lv":"pool",
       "pool_lv_uuid":"CifSc4-zv4j-mRrL-nW2I-wM5R-St4d-C0qR69", "origin":"vol",
       "origin_uuid":"mTovxu-dt4t-odeB-1Mdw-q43m-B2la-Laxgd4", "thin_id":"2", "chunk_size":"0",
       "discards":"passdown", "kernel_discards":"", "zero":"1"},
      {"vg_name":"vg0", "vg_uuid":"ZBrVsU-ViUd-KZyS-frHW-0qyz-UwRZ-DwAZBu",
       "vg_extent_size":"4194304", "lv_name":"vol",
       "lv_uuid":"mTovxu-dt4t-odeB-1Mdw-q43m-B2la-Laxgd4", "lv_size":"104857600", "lv_tags":"",
       "lv_time":"1795321731", "lv_path":"/dev/vg0/vol", "lv_active_locally":"1",
       "lv_permissions":"writeable", "lv_device_open":"1", "lv_skip_activation":"0",
       "segtype":"thin", "pool_lv":"pool", "pool_lv_uuid":"CifSc4-zv4j-mRrL-nW2I-wM5R-St4d-C0qR69",
       "origin":"", "origin_uuid":"", "thin_id":"1", "chunk_size":"0", "discards":"passdown",
       "kernel_discards":"", "zero":"1"},
      {"vg_name":"vg0", "vg_uuid":"ZBrVsU-ViUd-KZyS-frHW-0qyz-UwRZ-DwAZBu",
       "vg_extent_size":"4194304", "lv_name":"work",
       "lv_uuid":"EOl51v-CUPM-QVI4-JXm0-citB-ANPA-3fErm4", "lv_size":"104857600",
       "lv_tags":"bsr.target=vol", "lv_time":"1795321733", "lv_path":"/dev/vg0/work",
       "lv_active_locally":"0", "lv_permissions":"unknown", "lv_device_open":"-1",
       "lv_skip_activation":"0", "segtype":"thin", "pool_lv":"pool",
       "pool_lv_uuid":"CifSc4-zv4j-mRrL-nW2I-wM5R-St4d-C0qR69", "origin":"snap",
       "origin_uuid":"kwOEy3-eQGu-Q8TK-ggcZ-wvzL-XFsB-4XkA3O", "thin_id":"3", "chunk_size":"0",
       "discards":"passdown", "kernel_discards":"", "zero":"1"}
              ]
          }
      ]
  })";
// clang-format on

/// What the Error of this kind says that `action` throws.
template <typename Action>
std::string text_thrown_by(ErrorKind kind, Action action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(kind, error.kind()) << error.what();
    return error.what();
  }
  return "nothing thrown";
}

}  // namespace bsr
