// Products, and what stands before and behind them in networks.
#include "workload.hpp"

namespace bench {
namespace {

using list = std::vector<variable>;

// The value and its gradients for some inputs.
list with_gradients(variable y, const list& xs) {
  list out = gradient(y, xs);
  out.insert(out.begin(), y);
  return out;
}

list batched_products(const settings&, const list& in) {
  return with_gradients(sum(square(matmul(in[0], in[1]))), in);
}

list cross_entropy(const settings&, const list& in) {
  return with_gradients(sparse_categorical_crossentropy_from_logits(in[0], in[1]), {in[0]});
}

// --- Convolutions -------------------------------------------------------------------------------

// The values, and what comes back of their adjoint, which is the last input.
list convolution(const list& in, std::int64_t groups) {
  const variable y = conv(in[0], in[1], {.padding = "same", .groups = groups});
  list out = gradient(sum(y * in[2]), {in[0], in[1]});
  out.insert(out.begin(), y);
  return out;
}

// Images, filters and the values' adjoint.
std::vector<tensor> convolution_data(const settings& s, std::int64_t depth, std::int64_t filters) {
  const std::int64_t batch = s.number("batch"), side = s.number("side"),
                     window = s.number("window");
  random_data d;
  std::vector<tensor> in;
  in.push_back(d.floats({batch, side, side, s.number("channels")}));
  in.push_back(d.floats({window, window, depth, filters}));
  in.push_back(d.floats({batch, side, side, filters}));
  return in;
}

// --- A LeNet-like network: two convolutions of 5 x 5 with pooling, two dense layers -------------

constexpr std::int64_t image = 28, window = 5, classes = 10;

// Images (batch, side, side, channels) to patches (batch side' side', 25 channels), by one gather
// along all places of an image.
variable patches_by_gather(variable x) {
  const std::int64_t from = x.shape()[1], side = from - window + 1, channels = x.shape()[3];
  const std::int64_t length = window * window * channels;
  tensor places({cotape::int64, {side * side, length}});
  std::int64_t* at = places.data_as<std::int64_t>();
  for (std::int64_t r = 0; r < side * side; ++r) {
    for (std::int64_t k = 0; k < length; ++k) {
      const std::int64_t i = r / side + k / channels / window;
      const std::int64_t j = r % side + k / channels % window;
      *at++ = (i * from + j) * channels + k % channels;
    }
  }
  const variable flat = reshape(x, {-1, from * from * channels});
  return reshape(gather(flat, x.owner().constant(places), 1), {-1, length});
}

// Convolution, relu, and the largest of each 2 x 2; the kernel is (25 channels, units).
variable convolve(variable x, variable kernel, variable bias) {
  const std::int64_t channels = x.shape()[3];
  return max_pool(relu(conv(x, reshape(kernel, {window, window, channels, -1})) + bias), 2);
}
variable convolve_by_gather(variable x, variable kernel, variable bias) {
  const std::int64_t half = (x.shape()[1] - window + 1) / 2, channels = kernel.shape()[1];
  const variable y = relu(matmul(patches_by_gather(x), kernel) + bias);
  return max(reshape(y, {-1, half, 2, half, 2, channels}), {2, 4});
}

list lenet(const list& in, variable (*convolve)(variable, variable, variable)) {
  const variable first = convolve(in[0], in[2], in[3]);
  const variable second = convolve(first, in[4], in[5]);
  const variable flat = reshape(second, {in[0].shape()[0], -1});
  const variable logits = matmul(relu(matmul(flat, in[6]) + in[7]), in[8]) + in[9];
  return with_gradients(sparse_categorical_crossentropy_from_logits(logits, in[1]),
                        {in.begin() + 2, in.end()});
}

std::vector<tensor> lenet_data(const settings& s) {
  const std::int64_t batch = s.number("batch"), first = s.number("first"),
                     second = s.number("second"), hidden = s.number("hidden");
  random_data d;
  std::vector<tensor> in;
  in.push_back(d.floats({batch, image, image, 1}, 0, 1));
  in.push_back(d.indices({batch}, classes));
  const auto layer = [&](std::int64_t inputs, std::int64_t units) {
    const double limit = std::sqrt(6.0 / static_cast<double>(inputs + units));
    in.push_back(d.floats({inputs, units}, -limit, limit));
    in.push_back(d.floats({units}, -0.1, 0.1));
  };
  layer(window * window, first);
  layer(window * window * first, second);
  layer(4 * 4 * second, hidden);
  layer(hidden, classes);
  return in;
}

}  // namespace

std::vector<workload> products_workloads() {
  return {
      {.name = "batched_products_grad",
       .text = "sum of the squares of a batch of products of floats, with both gradients",
       .sizes = {{"batch", 256}, {"size", 16}},
       .data =
           [](const settings& s) {
             random_data d;
             const cotape::shape batch{s.number("batch"), s.number("size"), s.number("size")};
             std::vector<tensor> in{d.floats(batch)};
             in.push_back(d.floats(batch));
             return in;
           },
       .record = &batched_products},
      {.name = "lookup",
       .text = "`count` rows of a table of floats, which is an input, by random indices",
       .sizes = {{"count", 4096}, {"rows", 50000}, {"cols", 64}},
       .data =
           [](const settings& s) {
             random_data d;
             std::vector<tensor> in{d.floats({s.number("rows"), s.number("cols")})};
             in.push_back(d.indices({s.number("count")}, s.number("rows")));
             return in;
           },
       .record = [](const settings&, const list& in) { return list{gather(in[0], in[1])}; }},
      {.name = "softmax_cross_entropy",
       .text = "mean cross-entropy of softmax(logits) with integer labels, with gradient",
       .sizes = {{"rows", 128}, {"classes", 10000}},
       .data =
           [](const settings& s) {
             random_data d;
             std::vector<tensor> in{d.floats({s.number("rows"), s.number("classes")}, -3, 3)};
             in.push_back(d.indices({s.number("rows")}, s.number("classes")));
             return in;
           },
       .record = &cross_entropy},
      {.name = "convolution_grad",
       .text = "a convolution with \"same\" padding, and the gradients of images and filters "
               "(products: its three products alone, of operands in the second cache)",
       .sizes = {{"batch", 32}, {"side", 32}, {"channels", 16}, {"filters", 32}, {"window", 3}},
       .data =
           [](const settings& s) {
             return convolution_data(s, s.number("channels"), s.number("filters"));
           },
       .record = [](const settings&, const list& in) { return convolution(in, 1); }},
      {.name = "depthwise_grad",
       .text = "the same with one filter a channel",
       .sizes = {{"batch", 32}, {"side", 32}, {"channels", 64}, {"window", 3}},
       .data = [](const settings& s) { return convolution_data(s, 1, s.number("channels")); },
       .record = [](const settings& s,
                    const list& in) { return convolution(in, s.number("channels")); }},
      {.name = "lenet",
       .text = "loss and gradients of two 5 x 5 convolutions with relu and 2 x 2 maxima and two "
               "dense layers, on 28 x 28 (reference: patches by gather)",
       .sizes = {{"batch", 64}, {"first", 6}, {"second", 16}, {"hidden", 120}},
       .data = &lenet_data,
       .record = [](const settings&, const list& in) { return lenet(in, &convolve); },
       .reference = [](const settings&, const list& in) { return lenet(in, &convolve_by_gather); }},
  };
}

}  // namespace bench
