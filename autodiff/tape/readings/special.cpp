#include <autodiff/tape/reading.hpp>

template std::vector<ramp::OpInfo> ramp::make_ops(ramp::Special);
