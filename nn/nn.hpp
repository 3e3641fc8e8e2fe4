// Ramp's networks: the one include.
#pragma once

#include <autodiff/autodiff.hpp>
#include <nn/data/csv.hpp>
#include <nn/data/dataset.hpp>
#include <nn/data/idx.hpp>
#include <nn/data/loader.hpp>
#include <nn/data/npy.hpp>
#include <nn/data/source.hpp>
#include <nn/data/synthetic.hpp>
#include <nn/keep/checkpoint.hpp>
#include <nn/keep/model_file.hpp>
#include <nn/keep/safetensors.hpp>
#include <nn/model/activation.hpp>
#include <nn/model/init.hpp>
#include <nn/model/layers.hpp>
#include <nn/model/module.hpp>
#include <nn/model/normalization.hpp>
#include <nn/model/sequential.hpp>
#include <nn/random.hpp>
#include <nn/train/evaluate.hpp>
#include <nn/train/fit.hpp>
#include <nn/train/loss.hpp>
#include <nn/train/metric.hpp>
#include <nn/train/monitor.hpp>
#include <nn/train/optimizer.hpp>
#include <nn/train/schedule.hpp>
