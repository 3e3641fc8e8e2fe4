#include "ops.hpp"

#include <string_view>

namespace support {

std::vector<const ramp::OpInfo*> library_ops() {
  std::vector<const ramp::OpInfo*> all = ramp::all_ops();
  std::erase_if(all, [](const ramp::OpInfo* op) {
    return std::string_view(op->about.name).starts_with("test_");
  });
  return all;
}

}  // namespace support
