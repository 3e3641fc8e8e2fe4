// What is said about a training: lines of JSON for its folder, lines of text for who watches it.
#pragma once

#include "run_folder.hpp"

#include <nn/nn.hpp>

#include <nlohmann/json.hpp>

#include <cstdint>
#include <span>
#include <string>

namespace ramp::tool {

std::string metrics_line(const nn::EpochInfo& epoch, std::span<const nn::UnitReport> layers,
                         const nlohmann::ordered_json& kinks);
std::string times_line(const nn::EpochInfo& epoch);

std::string summary_line(const nn::EpochInfo& epoch, std::uint64_t epochs);
/// The last epoch is what the network is now, unless the best one was restored; the best one says
/// how far that is from luck.
std::string result_lines(const nn::FitResult& training, bool restored, double seconds,
                         const RunFolder& folder);

}  // namespace ramp::tool
