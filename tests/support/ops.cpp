#include "ops.hpp"

#include <cmath>
#include <string_view>

namespace support {

std::vector<const ramp::OpInfo*> library_ops() {
  std::vector<const ramp::OpInfo*> all = ramp::all_ops();
  std::erase_if(all, [](const ramp::OpInfo* op) {
    return std::string_view(op->about.name).starts_with("test_");
  });
  return all;
}

void make_regular(const ramp::OpInfo& op, std::vector<ramp::Tensor<double>>& inputs) {
  const std::string_view name = op.about.name;
  if (name != "solve" && name != "inverse" && name != "det" && name != "cholesky") return;
  ramp::Tensor<double>& a = inputs[0];
  const std::size_t n = a.shape().back();
  for (double* m = a.begin(); m != a.end(); m += n * n)  // each of a batch
    for (std::size_t i = 0; i < n; ++i) {
      double others = 1;
      for (std::size_t j = 0; j < n; ++j)
        if (j != i) others += std::abs(m[i * n + j]) + std::abs(m[j * n + i]);
      m[i * n + i] = others;
    }
}

}  // namespace support
