// Ramp's networks: the one include.
#pragma once

#include <autodiff/autodiff.hpp>
#include <nn/data/dataset.hpp>
#include <nn/data/idx.hpp>
#include <nn/data/loader.hpp>
#include <nn/data/synthetic.hpp>
#include <nn/model/activation.hpp>
#include <nn/model/init.hpp>
#include <nn/model/layers.hpp>
#include <nn/model/module.hpp>
#include <nn/random.hpp>
#include <nn/train/evaluate.hpp>
#include <nn/train/loss.hpp>
#include <nn/train/monitor.hpp>
#include <nn/train/optimizer.hpp>
#include <nn/train/schedule.hpp>
#include <nn/train/trainer.hpp>
