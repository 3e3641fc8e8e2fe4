// A census reads each op's own formula for the distance to its kink, in lanes and number by number.
#include <autodiff/autodiff.hpp>

#include "support/ops.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string>
#include <vector>

using namespace ramp;

TEST_CASE_TEMPLATE("each op's lanes find the distance that its formula states", T, float, double) {
  for (const OpInfo* op : support::library_ops()) {
    const std::string name = op->about.name;
    CAPTURE(name);
    CHECK((op->kink != nullptr) == (op->rules<T>().kinks != nullptr));
    if (!op->kink) continue;
    for (const Trial& trial : op->examples()) {
      std::vector<double> x;
      Tape<T> tape;
      std::vector<Var<T>> scalars, tensors;
      for (const auto& input : trial.inputs) {
        x.push_back(static_cast<double>(static_cast<T>(input.item())));
        scalars.push_back(tape.leaf(static_cast<T>(input.item())));
        tensors.push_back(tape.leaf(Tensor<T>({37}, static_cast<T>(input.item()))));
      }
      const double distance = std::abs(op->kink(x.data(), trial.attr.bytes.data()));
      for (const double within : {distance * 0.999 - 1e-3, distance * 1.001 + 1e-3}) {
        const auto mark = tape.mark();
        tape.record(op->id, scalars, trial.attr.bytes.data());
        CHECK(census(tape, {within}).total.near == (within > distance ? 1 : 0));
        tape.rewind(mark);
        tape.record(op->id, tensors, trial.attr.bytes.data());
        CHECK(census(tape, {within}).total.near == (within > distance ? 37 : 0));
        CHECK(census(tape).total.at_kink == (distance == 0 ? 37 : 0));
        tape.rewind(mark);
      }
    }
  }
}
