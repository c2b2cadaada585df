// A training that keeps checkpoints: to be killed and started again.
// resume_child CHECKPOINT RESULT: trains, then writes the weights to RESULT.
#include <cmath>
#include <cotape/cotape.hpp>

int main(int, char** arguments) {
  using namespace cotape;
  constexpr std::size_t rows = 200;
  xt::xarray<float> x = xt::empty<float>({rows, std::size_t{3}});
  xt::xarray<float> y = xt::empty<float>({rows, std::size_t{1}});
  for (std::size_t i = 0; i < rows; ++i) {
    for (std::size_t k = 0; k < 3; ++k) x(i, k) = std::sin(static_cast<float>(7 * i + 31 * k));
    y(i, 0) = x(i, 0) * x(i, 1) + 0.5f * x(i, 2);
  }
  sequential m({to_shape({3, 1}), conv1d(5, 2, {.padding = "same", .bias = false}),
                batch_normalization(), activation("tanh"),
                gru(4, {.dropout = 0.1, .recurrent_dropout = 0.1, .return_sequences = true}),
                multi_head_attention(2, 2), max_pooling1d(3, {.strides = 1}), flatten(),
                dense(16, "tanh"), dropout(0.1), dense(1)},
               3);
  m.compile("mse", adam({.rate = 0.01}), {"mae"});
  const auto options = [&](std::int64_t epochs) {
    return fit_options{
        .epochs = epochs,
        .seed = 5,
        .validation_split = 0.25,
        .callbacks = {checkpoint(arguments[1], {.steps = 3}), early_stopping({.patience = 40}),
                      rate_on_plateau({.factor = 0.7, .patience = 5})},
        .progress = nullptr};
  };
  m.fit(x, y, options(150));
  m.fit(x, y, options(70));  // goes on, with the same file
  save_parameters(arguments[2], m.parameters());
}
