// What a node costs, from tapes that fit in a cache to tapes that don't: x = x * a + b, again and
// again, where a and b vary as well.
#include "bench.hpp"

#include <autodiff/autodiff.hpp>

#include <fmt/format.h>

namespace ramp::bench {
namespace {

void chain(Table& table, const Options& options, const std::string& name, const Shape& shape,
           int nodes) {
  // a is 1, so that no value and no adjoint grows or dies away.
  const Tensor<double> one(shape, 1), little(shape, 1e-9);
  Tape<double> tape;
  const auto record = [&](Tape<double>& on) {
    on.clear();
    const Var<double> a = on.leaf(one), b = on.leaf(little);
    Var<double> x = on.leaf(one);
    for (int i = 0; i < nodes; i += 2) x = x * a + b;
    return x;
  };
  Var<double> x = record(tape);
  const auto both = [&] { return x = record(tape), tape.backward(x, one), 0.0; };
  const auto cold = [&] {
    Tape<double> fresh;
    return fresh.backward(record(fresh), one), 0.0;
  };
  auto& row = table.add({{"name", fmt::format("{}-{}", name, nodes)}},
                        {{"record", [&] { return x = record(tape), 0.0; }},
                         {"sweep", [&] { return tape.backward(x, one), 0.0; }},
                         {"both", both},
                         {"cold", cold}},
                        options.rounds(), "ns", nodes);
  row["bytes_a_node"] = static_cast<double>(tape.bytes()) / nodes;
  row["allocations"] = allocations_of(both);
}

}  // namespace

Table chains(const Options& options) {
  Table table{"chains", "chains: nanoseconds and bytes an op (double; x = x * a + b)"};
  table.note = "cold: on a new tape.";
  for (int nodes = 1'000; nodes <= (options.quick ? 100'000 : 10'000'000); nodes *= 10)
    if (options.wants("scalars")) chain(table, options, "scalars", Shape{}, nodes);
  for (int nodes = 1'000; nodes <= (options.quick ? 100'000 : 1'000'000); nodes *= 10)
    if (options.wants("tensors-16")) chain(table, options, "tensors-16", Shape{16}, nodes);
  return table;
}

}  // namespace ramp::bench
