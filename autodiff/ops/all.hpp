// The built-in ops, family by family.
#pragma once

#include <autodiff/ops/activations.hpp>
#include <autodiff/ops/arithmetic.hpp>
#include <autodiff/ops/factored.hpp>
#include <autodiff/ops/indexing.hpp>
#include <autodiff/ops/kinked.hpp>
#include <autodiff/ops/linear.hpp>
#include <autodiff/ops/normal.hpp>
#include <autodiff/ops/reductions.hpp>
#include <autodiff/ops/rounding.hpp>
#include <autodiff/ops/selection.hpp>
#include <autodiff/ops/shaping.hpp>
#include <autodiff/ops/softmax.hpp>
#include <autodiff/ops/special.hpp>
#include <autodiff/ops/transcendental.hpp>
#include <autodiff/ops/trigonometric.hpp>

namespace ramp {

using BuiltinFamilies =
    Joined<Arithmetic, Transcendental, Trigonometric, Normal, Special, Activations, Kinked,
           Rounding, Selection, Shaping, Products, Factored, Reductions, Indexing, Probabilities>;
using BuiltinOps = BuiltinFamilies::type;

}  // namespace ramp
