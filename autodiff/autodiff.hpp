// Ramp's engine: the one include.
#pragma once

#include <autodiff/census.hpp>
#include <autodiff/dot.hpp>
#include <autodiff/error.hpp>
#include <autodiff/explain.hpp>
#include <autodiff/gradcheck.hpp>
#include <autodiff/tape.hpp>
