// libtorch through its C++ API, as its own tutorials write it: nn::Linear, relu, SGD.
#include "rival.hpp"

#include <torch/torch.h>

namespace ramp::bench {
namespace {

namespace F = torch::nn::functional;

torch::Tensor view(const float* data, std::int64_t rows, std::int64_t cols) {
  return torch::from_blob(const_cast<float*>(data), {rows, cols}, torch::kFloat32);
}
torch::Tensor int64(const std::int32_t* data, std::int64_t n) {
  return torch::from_blob(const_cast<std::int32_t*>(data), {n}, torch::kInt32).to(torch::kInt64);
}

class Mlp {
 public:
  explicit Mlp(const Task& task) {
    for (std::size_t l = 0; l + 1 < task.sizes.size(); ++l) {
      const std::int64_t in = task.sizes[l], out = task.sizes[l + 1];
      layers_.emplace_back(in, out);
      const torch::NoGradGuard no_grad;
      layers_[l]->weight.copy_(view(task.initial[2 * l].data(), in, out).t());
      layers_[l]->bias.copy_(view(task.initial[2 * l + 1].data(), 1, out)[0]);
      parameters_.push_back(layers_[l]->weight);
      parameters_.push_back(layers_[l]->bias);
    }
    sgd_ = std::make_unique<torch::optim::SGD>(parameters_, torch::optim::SGDOptions(task.rate));
  }

  torch::Tensor forward(torch::Tensor x) {
    for (std::size_t l = 0; l < layers_.size(); ++l) {
      x = layers_[l]->forward(x);
      if (l + 1 < layers_.size()) x = torch::relu(x);
    }
    return x;
  }

  void update(const torch::Tensor& loss) {
    // Like zero_grad(set_to_none=True) in Python, its faster way, which 1.13 lacks in C++.
    for (torch::Tensor& p : parameters_) p.mutable_grad().reset();
    loss.backward();
    sgd_->step();
  }

 private:
  std::vector<torch::nn::Linear> layers_;
  std::vector<torch::Tensor> parameters_;
  std::unique_ptr<torch::optim::SGD> sgd_;
};

Call training(const Task& task) {
  if (task.playground) return {};
  const auto x = view(task.x, task.batch, task.sizes.front());
  const auto target = task.labels ? int64(task.labels, task.batch)
                                  : view(task.targets, task.batch, task.sizes.back());
  return [model = std::make_shared<Mlp>(task), x, target, classes = task.labels != nullptr] {
    const auto y = model->forward(x);
    const auto loss = classes ? F::cross_entropy(y, target) : F::mse_loss(y, target);
    model->update(loss);
    return loss.item<float>();
  };
}

Call inference(const Task& task) {
  const auto x = view(task.x, task.batch, task.sizes.front());
  return [model = std::make_shared<Mlp>(task), x] {
    const c10::InferenceMode guard;
    return *model->forward(x).data_ptr<float>();
  };
}

Epoch epochs(const Task& task, const Images& train, const Images& test) {
  const auto images = [&](const Images& of) {
    const auto n = static_cast<std::int64_t>(of.count);
    return std::pair(view(of.x, n, task.sizes.front()), int64(of.labels, n));
  };
  return [model = std::make_shared<Mlp>(task), batch = std::int64_t{task.batch},
          data = images(train), held_out = images(test)](std::span<const std::uint32_t> rows) {
    auto order = torch::empty({static_cast<std::int64_t>(rows.size())}, torch::kInt64);
    std::copy(rows.begin(), rows.end(), order.data_ptr<std::int64_t>());
    for (const auto& chosen : order.split(batch)) {
      const auto y = model->forward(data.first.index_select(0, chosen));
      model->update(F::cross_entropy(y, data.second.index_select(0, chosen)));
    }
    const c10::InferenceMode guard;
    std::int64_t right = 0;
    const auto xs = held_out.first.split(256), labels = held_out.second.split(256);
    for (std::size_t i = 0; i < xs.size(); ++i)
      right += model->forward(xs[i]).argmax(1).eq(labels[i]).sum().item<std::int64_t>();
    return static_cast<double>(right) / static_cast<double>(held_out.second.size(0));
  };
}

}  // namespace
}  // namespace ramp::bench

using namespace ramp::bench;

extern "C" void ramp_bench_add(Rivals& rivals) {
  rivals.push_back({"torch", "libtorch " TORCH_VERSION, training, inference, epochs});
}
