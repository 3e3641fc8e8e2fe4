// Finds units that no longer work: reads what a model's activations give on a data set. It reads
// the tape and knows no activation by name.
//
// Four measures, which papers tend to mix, kept apart here. h: a unit's output.
//
// - Born-dead network: at initialization its output is the same for every input, since one whole
//   layer is silent, and training by gradients can't move it. Lu, Shin, Su, Karniadakis: Dying
//   ReLU and initialization (2019). born_dead().
// - Dead unit: h = 0 for every sample of the data set. Maas, Hannun, Ng: Rectifier nonlinearities
//   improve neural network acoustic models (2013), section 3; Trottier et al.: Parametric
//   exponential linear unit (2017). UnitReport::dead.
// - Exact sparsity: the share of true zeros among all h of a layer. A healthy rectifier has much
//   of it and no dead unit. Glorot, Bordes, Bengio: Deep sparse rectifier neural networks (2011).
//   UnitReport::sparsity.
// - tau-dormant unit: mean |h_i| <= tau times the mean of that over the layer's units. It may still
//   be active, just little beside the others; and a dead one is always dormant. Sokar, Agarwal,
//   Castro, Evci: The dormant neuron phenomenon (2023), definition 3.1. UnitReport::dormant.
#pragma once

#include <autodiff/inspect/dot.hpp>
#include <nn/data/dataset.hpp>
#include <nn/model/module.hpp>

#include <cstddef>
#include <cstdint>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace ramp::nn {

/// What counts as an activation's output: a node of rank 2 or more, made element by element by an
/// op that has a kink and a slope (so relu, leaky_relu, elu, clamp or maximum(x, 0), a user's own
/// as well; no comparison), which depends on a leaf of rank 2 or more that is no parameter: the
/// data. Its last axis counts the units, the others the samples, as in (batch, units) and (batch,
/// height, width, channels). What a network without kinks gives (tanh, softplus) is left out unless
/// `smooth` asks for it; so is a ReLU written as a mask, x (x > 0).
struct MonitorOptions {
  double tau = 0.025;            // of the dormant units: 0.025 and 0.1 are common
  std::size_t batch_size = 256;  // rows at a time
  std::size_t samples = 0;       // at least so many, in batches evenly spread; 0: the whole set
  bool smooth = false;           // any op of one operand, such as tanh, is an activation, too
};

/// One layer: the path of the scope its activation was recorded in, "mlp/layer0". A second
/// activation in the same scope is "mlp/layer0#2", and so on.
struct UnitReport {
  std::string name;
  std::size_t units, dead, dormant;
  double sparsity;  // from 0 to 1
  double dead_share() const { return static_cast<double>(dead) / static_cast<double>(units); }
};

/// Runs the model over the set without gradients and reports each activation, in the order of their
/// recording. It costs a forward pass at this batch size, or the share `samples` has of it: on
/// MNIST 14 % of an epoch with batches of 10, 44 % of one with batches of 128, and a sixth of that
/// on a sixth of the set. Fewer samples find more units dead than there are.
///
/// DataError for an empty set, ValueError for a tau that is negative or NaN, batch size 0, or a
/// model that records other activations from one batch to the next.
template <class T> std::vector<UnitReport> monitor_units(Module<T>& model, const Dataset<T>& data,
                                                         MonitorOptions options = {});

/// Whether the outputs are the same for all rows, up to rounding (16 units in the last place of
/// the largest): that is what Lu et al. call born dead in a net that wasn't trained yet, and a
/// collapsed one afterwards. A forward pass, which ends at the first batch that differs. DataError
/// for a set of fewer than two rows.
template <class T>
bool born_dead(Module<T>& model, const Dataset<T>& data, std::size_t batch_size = 256);

/// What to tell the user and what to try, if more than `threshold` of the layer's units are dead;
/// else an empty string.
std::string warning(const UnitReport& layer, double threshold = 0.5);

/// For DotOptions::styles: on the tape of root, the activations of layers of which more than
/// `threshold` is dead, in a red that deepens with their share and with the note
/// "12 of 64 units dead".
template <class T>
std::map<std::uint32_t, NodeStyle> dead_colors(std::span<const UnitReport> layers,
                                               const Var<T>& root, double threshold = 0.5);

}  // namespace ramp::nn
