// ONNX's published node tests as references of values. `operators` says how an operator is written
// with this library: to add one, add a line. `left_out` lists what does not apply, and why; a test
// sees to it that each node test of these operators is either run or listed.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <functional>
#include <set>

#include "node_tests.hpp"

namespace cotape::tests::onnx {

namespace {

using sizes = std::vector<std::int64_t>;
using sides = window_padding::sides;

// A node test's inputs as variables, its attributes with ONNX's defaults.
class call {
 public:
  call(const node_test& test, tape& t) : test_(test), t_(t), inputs_(values_of(test, "input")) {}

  // Constants of a model are inputs that are left out.
  bool has(std::size_t i) const {
    return i < test_.inputs.size() && inputs_.contains(test_.inputs[i]);
  }
  const value& given(std::size_t i) const { return inputs_.at(test_.inputs.at(i)); }
  variable x(std::size_t i) const {
    const value& v = given(i);
    const bool whole = v.type != element::float32 && v.type != element::float64;
    tensor data({whole ? int64 : float32, shape(v.sizes)});
    for (std::size_t k = 0; k < v.numbers.size(); ++k) {
      if (whole) data.data_as<std::int64_t>()[k] = static_cast<std::int64_t>(v.numbers[k]);
      else data.data_as<float>()[k] = static_cast<float>(v.numbers[k]);
    }
    return t_.constant(data);
  }

  /// The name of the first output that is asked for, and whether outputs before it are not.
  const std::string& output() const {
    return *std::find_if(test_.outputs.begin(), test_.outputs.end(),
                         [](const std::string& name) { return !name.empty(); });
  }
  bool leaves_out_first() const { return test_.outputs.at(0).empty(); }

  double number(const char* name, double otherwise) const {
    const attribute* a = find(name);
    return a == nullptr ? otherwise : a->number;
  }
  std::int64_t whole(const char* name, std::int64_t otherwise) const {
    const attribute* a = find(name);
    return a == nullptr ? otherwise : a->whole;
  }
  std::string text(const char* name, const char* otherwise) const {
    const attribute* a = find(name);
    return a == nullptr ? otherwise : a->text;
  }
  sizes list(const char* name, const sizes& otherwise) const {
    const attribute* a = find(name);
    return a == nullptr ? otherwise : a->list;
  }

 private:
  const attribute* find(const char* name) const {
    const auto found = test_.attributes.find(name);
    return found == test_.attributes.end() ? nullptr : &found->second;
  }

  const node_test& test_;
  tape& t_;
  std::map<std::string, value> inputs_;
};

// --- ONNX's data are (batch, channels, sizes...) ------------------------------------------------

variable moved(const variable& x, const sizes& order) {
  generator random(1);
  sizes row;
  for (std::int64_t axis : order) row.push_back(axis + 1);
  return squeeze(permute(row).record(expand_dims(x, 0), random), 0);
}

variable channels_last(const variable& x) {
  sizes order{0};
  for (std::size_t i = 2; i < x.shape().rank(); ++i) order.push_back(static_cast<std::int64_t>(i));
  order.push_back(1);
  return moved(x, order);
}

variable channels_first(const variable& x) {
  sizes order{0, static_cast<std::int64_t>(x.shape().rank()) - 1};
  for (std::size_t i = 1; i + 1 < x.shape().rank(); ++i) {
    order.push_back(static_cast<std::int64_t>(i));
  }
  return moved(x, order);
}

// (filters, channels, size...) as (size..., channels, filters), and (channels, filters, size...) as
// what conv_transpose takes.
variable filters_of(const variable& w) {
  sizes order;
  for (std::size_t i = 2; i < w.shape().rank(); ++i) order.push_back(static_cast<std::int64_t>(i));
  order.insert(order.end(), {1, 0});
  return moved(w, order);
}

// --- Windows ------------------------------------------------------------------------------------

struct windows {
  sizes size, strides, dilation;
  std::vector<sides> padding;

  // Over n elements along each axis.
  windows(const call& c, const sizes& n, const sizes& kernel) : size(kernel) {
    const std::size_t axes = n.size();
    const sizes ones(axes, 1), pads = c.list("pads", sizes(2 * axes, 0));
    strides = c.list("strides", ones);
    dilation = c.list("dilations", ones);
    const std::string automatic = c.text("auto_pad", "NOTSET");
    for (std::size_t i = 0; i < axes; ++i) {
      const std::int64_t span = (size[i] - 1) * dilation[i] + 1;
      sides s{pads[i], pads[axes + i]};
      if (automatic.rfind("SAME", 0) == 0) {
        const std::int64_t all =
            std::max<std::int64_t>(0, ((n[i] - 1) / strides[i]) * strides[i] + span - n[i]);
        s = {all / 2, all - all / 2};
        if (automatic == "SAME_LOWER") std::swap(s.first, s.second);
      } else if (c.whole("ceil_mode", 0) != 0) {
        const std::int64_t rest = (n[i] + s.first + s.second - span) % strides[i];
        if (rest != 0) s.second += strides[i] - rest;
      }
      padding.push_back(s);
    }
  }
};

sizes elements_along(const variable& channels_last) {
  const shape& s = channels_last.shape();
  return {s.begin() + 1, s.end() - 1};
}

variable convolved(const call& c) {
  const variable x = channels_last(c.x(0)), f = filters_of(c.x(1));
  const windows w(c, elements_along(x), sizes(f.shape().begin(), f.shape().end() - 2));
  const bool same = c.text("auto_pad", "NOTSET") == "SAME_UPPER";
  const variable y = conv(x, f,
                          {.strides = w.strides,
                           .padding = same ? window_padding("same") : window_padding(w.padding),
                           .dilation = w.dilation,
                           .groups = c.whole("group", 1)});
  return channels_first(c.has(2) ? y + c.x(2) : y);
}

// Where `output_shape` or `output_padding` leaves elements that no window reaches they are zeros.
variable transposed(const call& c) {
  const variable x = channels_last(c.x(0)), f = filters_of(c.x(1));
  const sizes n = elements_along(x), size(f.shape().begin(), f.shape().end() - 2);
  const std::size_t axes = n.size();
  const sizes strides = c.list("strides", sizes(axes, 1)), out = c.list("output_shape", {}),
              dilation = c.list("dilations", sizes(axes, 1)),
              pads = c.list("pads", sizes(2 * axes, 0)),
              more = c.list("output_padding", sizes(axes, 0));
  const std::string automatic = c.text("auto_pad", "NOTSET");
  std::vector<sides> padding;
  sizes missing;
  for (std::size_t i = 0; i < axes; ++i) {
    const std::int64_t all = strides[i] * (n[i] - 1) + dilation[i] * (size[i] - 1) + 1;
    sides s{pads[i], pads[axes + i] - more[i]};
    if (!out.empty() || automatic != "NOTSET") {
      const std::int64_t rest = all - (out.empty() ? n[i] * strides[i] : out[i]);
      s.first = std::max<std::int64_t>(rest, 0) / 2;
      s.second = rest - s.first;
    }
    missing.push_back(std::max<std::int64_t>(-s.second, 0));
    padding.emplace_back(s.first, std::max<std::int64_t>(s.second, 0));
  }
  const variable y = conv_transpose(x, f,
                                    {.strides = strides,
                                     .padding = padding,
                                     .dilation = dilation,
                                     .groups = c.whole("group", 1)});
  if (axes != 2) return channels_first(y);
  return channels_first(pad(y, {0, 0, 0, 0}, {0, missing[0], missing[1], 0}));
}

variable pooled(const call& c, variable (*pool)(operand, const per_axis&, const pool_options&)) {
  variable x = channels_last(c.x(0));
  windows w(c, elements_along(x), c.list("kernel_shape", {}));
  if (c.whole("count_include_pad", 0) != 0) {  // of two axes
    x = pad(x, {0, w.padding[0].first, w.padding[1].first, 0},
            {0, w.padding[0].second, w.padding[1].second, 0});
    w.padding = {{0, 0}, {0, 0}};
  }
  const bool same = c.text("auto_pad", "NOTSET") == "SAME_UPPER";
  return channels_first(pool(x, w.size,
                             {.strides = w.strides,
                              .padding = same ? window_padding("same") : window_padding(w.padding),
                              .dilation = w.dilation}));
}

variable over_all(const call& c, const layer& pool) {
  generator random(1);
  return pool.record(channels_last(c.x(0)), random);
}

// --- Sizes --------------------------------------------------------------------------------------

variable with_pads(const call& c) {  // of four axes
  const std::vector<double>& p = c.given(1).numbers;
  const auto at = [&](std::size_t i) { return static_cast<std::int64_t>(p.at(i)); };
  const std::string mode = c.text("mode", "constant");
  if (mode != "constant") {
    return pad(c.x(0), {at(0), at(1), at(2), at(3)}, {at(4), at(5), at(6), at(7)}, mode);
  }
  return pad(c.x(0), {at(0), at(1), at(2), at(3)}, {at(4), at(5), at(6), at(7)},
             c.has(2) ? c.given(2).numbers[0] : 0);
}

// `scales` or `sizes` is the last input.
variable resized(const call& c, std::size_t last, bool scales) {
  const variable x = channels_last(c.x(0));
  const sizes n = elements_along(x);
  sizes to;
  for (std::size_t i = 0; i < n.size(); ++i) {
    const double given = c.given(last).numbers.at(i + 2);
    to.push_back(static_cast<std::int64_t>(scales ? given * static_cast<double>(n[i]) : given));
  }
  return channels_first(
      resize(x, to, c.text("mode", "nearest") == "linear" ? "bilinear" : "nearest"));
}

// --- The tables ---------------------------------------------------------------------------------

// --- Normalizations, and an activation with a scale ---------------------------------------------

variable batch_normalized(const call& c) {
  const variable x = channels_last(c.x(0));
  const double epsilon = c.number("epsilon", 1e-5);
  if (c.whole("training_mode", 0) != 0) {
    return channels_first(batch_norm(x, c.x(1), c.x(2), epsilon).y);
  }
  return channels_first(normalize(x, c.x(3), c.x(4), c.x(1), c.x(2), epsilon));
}

variable instance_normalized(const call& c) {
  const variable x = channels_last(c.x(0));
  const std::int64_t channels = x.shape()[x.shape().rank() - 1];
  return channels_first(group_norm(x, channels, c.x(1), c.x(2), c.number("epsilon", 1e-5)));
}

variable layer_normalized(const call& c) {
  const auto rank = static_cast<std::int64_t>(c.x(0).shape().rank());
  std::int64_t axis = c.whole("axis", -1);
  sizes over;
  for (axis = axis < 0 ? axis + rank : axis; axis < rank; ++axis) over.push_back(axis);
  return layer_norm(c.x(0), c.x(1), c.x(2), axes(over), c.number("epsilon", 1e-5));
}

variable scaled_elu(const call& c) {
  const double alpha = c.number("alpha", 0);
  return alpha == 0 ? selu(c.x(0)) : c.number("gamma", 1) * elu(c.x(0), alpha);
}

// --- Recurrent layers, of one direction ---------------------------------------------------------

// ONNX's gates by the places of ours: its W is (1, gates units, features), b that of W, then of U.
struct onnx_weights {
  const call& c;
  sizes order;

  xt::xarray<float> matrix(std::size_t input) const {
    const value& v = c.given(input);
    const auto n = static_cast<std::size_t>(v.sizes[1]), m = static_cast<std::size_t>(v.sizes[2]);
    xt::xarray<float> w = xt::zeros<float>({m, n});
    for (std::size_t i = 0; i < n; ++i) {
      for (std::size_t k = 0; k < m; ++k) {
        w(k, i) = static_cast<float>(v.numbers[from(i, n) * m + k]);
      }
    }
    return w;
  }
  xt::xarray<float> bias() const {
    const std::vector<double>& b = c.given(3).numbers;
    const std::size_t n = b.size() / 2;
    xt::xarray<float> sum = xt::zeros<float>({n});
    for (std::size_t i = 0; i < n; ++i) {
      sum(i) = static_cast<float>(b[from(i, n)] + b[n + from(i, n)]);
    }
    return sum;
  }
  std::size_t from(std::size_t i, std::size_t n) const {
    const std::size_t units = n / order.size();
    return static_cast<std::size_t>(order[i / units]) * units + i % units;
  }
};

template <class Layer> variable recurrent(const call& c, const sizes& order) {
  const bool batches_first = c.whole("layout", 0) != 0, all = !c.leaves_out_first();
  const Layer l(c.whole("hidden_size", 1),
                {.bias = c.has(3), .reset_after = false, .return_sequences = all});
  const variable x = batches_first ? c.x(0) : moved(c.x(0), {1, 0, 2});
  generator random;
  l.record(x, random);
  const onnx_weights w{c, order};
  l.parameters()[0].set(w.matrix(1));
  l.parameters()[1].set(w.matrix(2));
  if (c.has(3)) l.parameters()[2].set(w.bias());
  const variable y = l.record(x, random);
  return all && !batches_first ? moved(y, {1, 0, 2}) : y;
}

const std::map<std::string, std::function<variable(const call&)>>& operators() {
  static const std::map<std::string, std::function<variable(const call&)>> table{
      {"Conv", convolved},
      {"ConvTranspose", transposed},
      {"MaxPool", [](const call& c) { return pooled(c, max_pool); }},
      {"AveragePool", [](const call& c) { return pooled(c, average_pool); }},
      {"GlobalMaxPool", [](const call& c) { return over_all(c, global_max_pooling()); }},
      {"GlobalAveragePool", [](const call& c) { return over_all(c, global_average_pooling()); }},
      {"Pad", with_pads},
      {"Resize",
       [](const call& c) { return c.has(3) ? resized(c, 3, false) : resized(c, 2, true); }},
      {"Upsample", [](const call& c) { return resized(c, 1, true); }},
      {"Relu", [](const call& c) { return relu(c.x(0)); }},
      {"LeakyRelu", [](const call& c) { return leaky_relu(c.x(0), c.number("alpha", 0.01)); }},
      {"Elu", [](const call& c) { return elu(c.x(0), c.number("alpha", 1)); }},
      {"Sigmoid", [](const call& c) { return sigmoid(c.x(0)); }},
      {"Tanh", [](const call& c) { return tanh(c.x(0)); }},
      {"Softplus", [](const call& c) { return softplus(c.x(0)); }},
      {"Softmax", [](const call& c) { return softmax(c.x(0), c.whole("axis", -1)); }},
      {"Celu", [](const call& c) { return celu(c.x(0), c.number("alpha", 1)); }},
      {"HardSwish", [](const call& c) { return hard_silu(c.x(0)); }},
      {"PRelu", [](const call& c) { return leaky_relu(c.x(0), c.x(1)); }},
      {"Selu", scaled_elu},
      {"Softsign", [](const call& c) { return softsign(c.x(0)); }},
      {"BatchNormalization", batch_normalized},
      {"InstanceNormalization", instance_normalized},
      {"LayerNormalization", layer_normalized},
      {"RNN", [](const call& c) { return recurrent<simple_rnn>(c, {0}); }},
      {"LSTM",
       [](const call& c) {
         return recurrent<lstm>(c, {0, 2, 3, 1});
       }},
      {"GRU",
       [](const call& c) {
         return recurrent<gru>(c, {0, 1, 2});
       }},
      {"LogSoftmax", [](const call& c) { return log_softmax(c.x(0), c.whole("axis", -1)); }},
  };
  return table;
}

// By the name of an operator or of a node test.
const std::map<std::string, const char*>& left_out() {
  static const char *const cubic = "cubic: resize is nearest or bilinear",
                           *const corners =
                               "the corners' centres stay where they are: resize does not "
                               "do that (coordinates other than half_pixel)",
                           *const scale = "the scale 0.6 is not the ratio of the sizes, 2 of 4",
                           *const half =
                               "half-way between two elements resize takes the one behind";
  static const std::map<std::string, const char*> table{
      {"ConvInteger", "integers of 8 bits: the library has no such type"},
      {"HardSigmoid", "another slope: hard_sigmoid is relu6(x + 3) / 6, as Keras's"},
      {"Hardmax", "no function of this library: it has no slope; one_hot(argmax(x)) composes it"},
      {"MaxUnpool", "takes the places of maxima, which max_pool does not give"},
      {"QLinearConv", "integers of 8 bits: the library has no such type"},
      {"Shrink", "no function of this library"},
      {"ThresholdedRelu", "no function of this library: where(x > alpha, x, 0) composes it"},
      {"test_resize_downsample_scales_cubic", cubic},
      {"test_resize_downsample_scales_cubic_A_n0p5_exclude_outside", cubic},
      {"test_resize_downsample_scales_cubic_align_corners", cubic},
      {"test_resize_downsample_scales_linear", scale},
      {"test_resize_downsample_scales_linear_align_corners", corners},
      {"test_resize_downsample_scales_nearest", scale},
      {"test_resize_downsample_sizes_cubic", cubic},
      {"test_resize_downsample_sizes_linear_pytorch_half_pixel",
       "pytorch_half_pixel: the one element of an axis shows the first one, not the middle"},
      {"test_resize_downsample_sizes_nearest", half},
      {"test_resize_downsample_sizes_nearest_tf_half_pixel_for_nn",
       "rounds the point (i + 1/2) n / m up and down: resize takes the element that it lies in"},
      {"test_resize_tf_crop_and_resize", "a part of the image (roi): slice it first"},
      {"test_resize_upsample_scales_cubic", cubic},
      {"test_resize_upsample_scales_cubic_A_n0p5_exclude_outside", cubic},
      {"test_resize_upsample_scales_cubic_align_corners", cubic},
      {"test_resize_upsample_scales_cubic_asymmetric", cubic},
      {"test_resize_upsample_scales_linear_align_corners", corners},
      {"test_resize_upsample_sizes_cubic", cubic},
      {"test_resize_upsample_sizes_nearest", half},
      {"test_resize_upsample_sizes_nearest_ceil_half_pixel", "ceil: resize rounds"},
      {"test_resize_upsample_sizes_nearest_floor_align_corners", corners},
      {"test_resize_upsample_sizes_nearest_round_prefer_ceil_asymmetric", corners},
      {"test_lstm_with_peepholes", "peepholes: lstm has none"},
      {"test_maxpool_2d_uint8", "integers of 8 bits: the library has no such type"},
  };
  return table;
}

// The reason why a test of an operator above does not apply; empty if it does.
std::string reason(const node_test& t) {
  const auto by_operator = left_out().find(t.op), by_name = left_out().find(t.name);
  if (by_operator != left_out().end()) return by_operator->second;
  return by_name == left_out().end() ? "" : by_name->second;
}

// The node tests of operators in either table.
const std::vector<node_test>& considered() {
  static const std::vector<node_test> all = [] {
    std::vector<node_test> list;
    for (const std::string& name : names_of_node_tests()) {
      node_test t = read_node_test(name);
      const bool known = operators().count(t.op) != 0 || left_out().count(t.op) != 0;
      if (t.nodes == 1 && known) list.push_back(std::move(t));
    }
    return list;
  }();
  return all;
}

std::vector<node_test> applicable() {
  std::vector<node_test> list;
  for (const node_test& t : considered()) {
    if (reason(t).empty()) list.push_back(t);
  }
  return list;
}

// The first element that differs from what is wanted; empty if none does.
std::string first_difference(const std::vector<double>& found, const std::vector<double>& wanted) {
  if (found.size() != wanted.size()) {
    return fmt::format("{} elements, not {}", found.size(), wanted.size());
  }
  for (std::size_t i = 0; i < found.size(); ++i) {
    if (std::abs(found[i] - wanted[i]) <= 1e-5 * std::max(1.0, std::abs(wanted[i]))) continue;
    return fmt::format("element {} is {}, not {}", i, found[i], wanted[i]);
  }
  return "";
}

class OnnxNode : public ::testing::TestWithParam<node_test> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(OnnxNode);

// The first output that a test asks for: MaxPool's second one, where the maxima stand, has no
// counterpart.
TEST_P(OnnxNode, HasItsValues) {
  const node_test& test = GetParam();
  tape t;
  const call given(test, t);
  const variable y = operators().at(test.op)(given);
  const value wanted = values_of(test, "output").at(given.output());
  // Global pooling drops axes of size 1.
  const variable all = cast(reshape(y, shape(wanted.sizes)), float64);
  const xt::xarray<double> result = all.value<double>();
  const std::vector<double> found(result.begin(), result.end());
  EXPECT_EQ(first_difference(found, wanted.numbers), "") << y.shape().text();
  for (std::size_t i : {std::size_t{0}, found.size() - 1}) {
    std::vector<double> other = wanted.numbers;
    other[i] += 1e-3 * std::max(1.0, std::abs(other[i]));
    EXPECT_NE(first_difference(found, other), "") << "a wrong number goes unnoticed";
  }
}

INSTANTIATE_TEST_SUITE_P(All, OnnxNode, ::testing::ValuesIn(applicable()),
                         [](const auto& of) { return of.param.name; });

TEST(OnnxNodes, AreRunOrListed) {
  if (names_of_node_tests().empty()) {
    GTEST_SKIP() << "there are no node tests in " << folder
                 << ": install Debian's libonnx-testdata to have them run";
  }
  std::map<std::string, int> run;
  std::set<std::string> listed;
  for (const node_test& t : considered()) {
    const std::string why = reason(t);
    if (why.empty()) {
      ++run[t.op];
      continue;
    }
    std::cout << t.name << " (" << t.op << "): " << why << "\n";
    listed.insert(left_out().count(t.op) != 0 ? t.op : t.name);
    EXPECT_TRUE(operators().count(t.op) == 0 || left_out().count(t.op) == 0)
        << t.op << " stands in both tables";
  }
  for (const auto& [what, why] : left_out()) {
    EXPECT_TRUE(listed.contains(what)) << what << " keeps no node test out: remove it";
  }
  for (const auto& [op, f] : operators()) EXPECT_GT(run[op], 0) << op << " has no node test";
  EXPECT_EQ(run["Conv"], 6);
  EXPECT_EQ(run["ConvTranspose"], 10);
  EXPECT_EQ(run["MaxPool"] + run["AveragePool"], 27);
  // Two of batches are in training mode, and give statistics as well.
  EXPECT_EQ(run["BatchNormalization"], 4);
  EXPECT_EQ(run["RNN"] + run["LSTM"] + run["GRU"], 11);
  EXPECT_EQ(run["InstanceNormalization"] + run["LayerNormalization"], 21);
}

}  // namespace
}  // namespace cotape::tests::onnx
