// What a node costs, from tapes that fit in a cache to tapes that don't: x = x * a + b, again and
// again, where a and b vary as well.
#include "allocations.hpp"
#include "report.hpp"

#include <autodiff/autodiff.hpp>

#include <fmt/format.h>

namespace ramp::bench {
namespace {

// a is 1, so that no value and no adjoint grows or dies away.
struct Inputs {
  Tensor<double> one, little, seed;
  explicit Inputs(const Shape& shape) : one(shape, 1), little(shape, 1e-9), seed(shape, 1) {}
};

Var<double> record(Tape<double>& tape, const Inputs& in, long nodes) {
  tape.clear();
  const Var<double> a = tape.leaf(in.one), b = tape.leaf(in.little);
  Var<double> x = tape.leaf(in.one);
  for (long i = 0; i < nodes; i += 2) x = x * a + b;
  return x;
}

void chain(Table& table, const Options& options, const std::string& name, const Shape& shape,
           const std::vector<long>& lengths) {
  if (!options.wants(name)) return;
  const Inputs in(shape);
  double in_cache = 0;  // ns of a node, at 10^4
  for (const long nodes : lengths) {
    progress(fmt::format("{} {}", name, nodes));
    Tape<double> tape;
    Var<double> x = record(tape, in, nodes);
    tape.backward(x, in.seed);
    const std::size_t before = allocations();
    x = record(tape, in, nodes);
    tape.backward(x, in.seed);
    const auto allocated = static_cast<std::int64_t>(allocations() - before);

    const auto t = options.race({{"record", [&] { x = record(tape, in, nodes); }},
                                 {"sweep", [&] { tape.backward(x, in.seed); }},
                                 {"both",
                                  [&] {
                                    x = record(tape, in, nodes);
                                    tape.backward(x, in.seed);
                                  }},
                                 {"cold", [&] {
                                    Tape<double> fresh;
                                    fresh.backward(record(fresh, in, nodes), in.seed);
                                  }}});
    const auto count = static_cast<double>(nodes);
    const double both = t[2].best / count;
    if (nodes == 10'000) in_cache = both;
    nlohmann::ordered_json row{{"name", name},
                               {"nodes", nodes},
                               {"record_ns", t[0].best / count},
                               {"sweep_ns", t[1].best / count},
                               {"both_ns", both},
                               {"both_median_ns", t[2].median / count},
                               {"cold_ns", t[3].best / count},
                               {"bytes", static_cast<double>(tape.bytes()) / count},
                               {"allocations", allocated}};
    if (in_cache > 0) row["ratio"] = both / in_cache;
    table.rows.push_back(std::move(row));
  }
}

}  // namespace

Table chains(const Options& options) {
  Table table{"chains",
              "chains: nanoseconds and bytes an op (double; x = x * a + b; cold: on a new tape)",
              {{"name", "chain"},
               {"nodes", "nodes"},
               {"record_ns", "record", "{:.2f}"},
               {"sweep_ns", "sweep", "{:.2f}"},
               {"both_ns", "both", "{:.2f}"},
               {"both_median_ns", "median", "{:.2f}"},
               {"cold_ns", "cold", "{:.2f}"},
               {"ratio", "to 10^4", "{:.2f}"},
               {"bytes", "bytes", "{:.0f}"},
               {"allocations", "allocations"}}};
  std::vector<long> lengths{1'000, 10'000, 100'000, 1'000'000, 10'000'000};
  if (options.quick) lengths.resize(3);
  chain(table, options, "scalars", Shape{}, lengths);
  lengths.resize(std::min<std::size_t>(lengths.size(), 4));  // 10^7 would take gigabytes
  chain(table, options, "tensors-16", Shape{16}, lengths);
  return table;
}

}  // namespace ramp::bench
