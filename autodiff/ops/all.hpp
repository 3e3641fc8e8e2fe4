// The built-in ops, family by family.
#pragma once

#include <autodiff/ops/activations.hpp>
#include <autodiff/ops/arithmetic.hpp>
#include <autodiff/ops/indexing.hpp>
#include <autodiff/ops/kinked.hpp>
#include <autodiff/ops/linear.hpp>
#include <autodiff/ops/normal.hpp>
#include <autodiff/ops/reductions.hpp>
#include <autodiff/ops/selection.hpp>
#include <autodiff/ops/shaping.hpp>
#include <autodiff/ops/softmax.hpp>
#include <autodiff/ops/transcendental.hpp>

namespace ramp {

using BuiltinFamilies = Joined<Arithmetic, Transcendental, Normal, Activations, Kinked, Selection,
                               Shaping, Products, Reductions, Indexing, Probabilities>;
using BuiltinOps = BuiltinFamilies::type;

}  // namespace ramp
