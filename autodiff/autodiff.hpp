// Ramp's engine: the one include.
#pragma once

#include <autodiff/cmath.hpp>
#include <autodiff/compound.hpp>
#include <autodiff/derivatives.hpp>
#include <autodiff/inspect/census.hpp>
#include <autodiff/inspect/dot.hpp>
#include <autodiff/inspect/explain.hpp>
#include <autodiff/inspect/gradcheck.hpp>
#include <autodiff/tape/tape.hpp>
#include <autodiff/values/error.hpp>
#include <autodiff/version.hpp>
