// The registry as tests walk over it.
#pragma once

#include <autodiff/ops/registry.hpp>

#include <vector>

namespace support {

/// The library's ops. Tests of this program make up some of their own, wrong ones among them, whose
/// names begin with "test_".
std::vector<const ramp::OpInfo*> library_ops();

/// For an op that factors a matrix: makes its first operand dominated by its diagonal, so that
/// there is an answer, and a stable one.
void make_regular(const ramp::OpInfo& op, std::vector<ramp::Tensor<double>>& inputs);

}  // namespace support
