// Ramp's networks: the one include.
#pragma once

#include <autodiff/autodiff.hpp>
#include <nn/activation.hpp>
#include <nn/dataset.hpp>
#include <nn/evaluate.hpp>
#include <nn/idx.hpp>
#include <nn/init.hpp>
#include <nn/layers.hpp>
#include <nn/loader.hpp>
#include <nn/loss.hpp>
#include <nn/module.hpp>
#include <nn/monitor.hpp>
#include <nn/optimizer.hpp>
#include <nn/random.hpp>
#include <nn/schedule.hpp>
#include <nn/synthetic.hpp>
#include <nn/trainer.hpp>
