// What a model's file costs in memory, beside the model.
#include <nn/nn.hpp>

#include "support/allocations.hpp"
#include "support/idx_files.hpp"

#include <doctest/doctest.h>

#include <algorithm>

using namespace ramp;
using namespace ramp::nn;

TEST_CASE("a model is read from its file straight into its parameters") {
  const idx_files::TempFolder folder;
  const auto path = folder / "model.safetensors";
  MLP<float> model({300, 700, 10}, {.seed = 1}), other({300, 700, 10}, {.seed = 2});
  save(model, path);
  support::largest_allocation();
  load(other, path);
  CHECK(support::largest_allocation() < 100'000);  // 840,000 bytes are in the first layer
  const auto left = model.contents().parameters, right = other.contents().parameters;
  for (std::size_t i = 0; i < left.size(); ++i)
    CHECK(std::ranges::equal(left[i].parameter->value(), right[i].parameter->value()));
}
