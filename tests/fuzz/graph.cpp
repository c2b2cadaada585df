// Bytes become public operations on a tape, with any shapes, dtypes, axes and indices, then
// gradients, programs and runs. Each gives a result or a cotape::error. Values stay small: what
// would take much memory or time is recorded, then rewound.
#include <fuzzer/FuzzedDataProvider.h>
#include <cotape/cotape.hpp>
#include <limits>
#include <sstream>

using namespace cotape;

namespace {

constexpr std::int64_t most_elements = 600;
constexpr std::size_t most_nodes = 300;

class player {
 public:
  player(const std::uint8_t* data, std::size_t size)
      : bytes_(data, size), tape_(flip() ? precision::as_given : precision::float64) {
    tape_.kinks =
        pick({kink_policy::standard, kink_policy::left, kink_policy::right, kink_policy::split});
  }

  void play() {
    for (int i = 0; i < 20 && bytes_.remaining_bytes() > 0 && tape_.size() < most_nodes; ++i) {
      const tape_mark before = tape_.mark();
      const std::size_t known = values_.size();
      attempt([&] { step(); });
      if (!is_small(before) || below(32) == 0) {
        tape_.rewind(before);
        values_.resize(std::min(known, values_.size()));
      }
    }
    attempt([&] { compile_and_run(); });
    attempt([&] { tape_.commit(); });
  }

 private:
  template <class F> static bool attempt(F f) {
    try {
      f();
      return true;
    } catch (const error&) {
      return false;
    }
  }

  // --- Choices ----------------------------------------------------------------------------------

  bool flip() { return bytes_.ConsumeBool(); }
  std::size_t below(std::size_t n) { return bytes_.ConsumeIntegralInRange<std::size_t>(0, n - 1); }
  template <class T, std::size_t N> const T& pick(const T (&list)[N]) { return list[below(N)]; }

  // Mostly what fits somewhere, now and then anything.
  std::int64_t integer() {
    if (below(8) != 0) return bytes_.ConsumeIntegralInRange<std::int64_t>(-3, 4);
    return flip() ? bytes_.ConsumeIntegral<std::int64_t>()
                  : pick({std::numeric_limits<std::int64_t>::min(),
                          std::numeric_limits<std::int64_t>::max(), std::int64_t{1} << 31,
                          std::int64_t{1} << 32, -(std::int64_t{1} << 31)});
  }
  template <class T> T pick(std::initializer_list<const T> list) {
    return bytes_.PickValueInArray(list);
  }
  double number() {
    constexpr double infinity = std::numeric_limits<double>::infinity();
    if (below(4) == 0) return bytes_.ConsumeFloatingPoint<double>();
    return pick({0.0, -0.0, 1.0, -1.0, 0.5, 2.0, 3.0, -2.5, 1e-40, 1e-310, 1e30, -1e300, infinity,
                 -infinity, std::numeric_limits<double>::quiet_NaN()});
  }
  dtype any_dtype() { return pick({float32, float64, int64}); }
  dims any_dims() { return flip() ? dims::keep : dims::drop; }
  shape any_shape() {
    std::vector<std::int64_t> sizes;
    for (auto rank = below(5); rank > 0; --rank) {
      sizes.push_back(below(16) == 0 ? integer() : pick<std::int64_t>({0, 1, 2, 3, 4, 5, 8, 17}));
    }
    return shape(std::span<const std::int64_t>(sizes));
  }
  shape small_shape() {
    const shape s = any_shape();
    if (s.elements() > most_elements) throw error("too large");
    return s;
  }
  tensor any_tensor(dtype d, const shape& s) {
    tensor x({d, s});
    const bool tame = flip();
    for (std::int64_t i = 0; i < s.elements(); ++i) {
      if (d == int64) x.data_as<std::int64_t>()[i] = tame ? i % 3 : integer();
      else if (d == float64) x.data_as<double>()[i] = tame ? 0.25 * double(i % 7) - 1 : number();
      else x.data_as<float>()[i] = tame ? 0.25F * float(i % 7) - 1 : float(number());
    }
    return x;
  }
  variable any_variable() {
    if (values_.empty()) values_.push_back(tape_.constant(1.5));
    const std::size_t n = values_.size();
    return values_[flip() ? below(n) : n - 1 - below(std::min<std::size_t>(n, 4))];
  }
  operand any_indices() {
    if (flip()) return any_operand();
    return tape_.constant(any_tensor(int64, small_shape()));
  }
  variable leaf() {
    const dtype d = any_dtype();
    switch (below(4)) {
      case 0: return tape_.constant(any_tensor(d, small_shape()));
      case 1:
        parameters_.emplace_back("p", any_tensor(d, small_shape()), flip());
        return tape_.read(parameters_.back());
      case 2:
        return flip() ? random_.uniform(tape_, any_shape(), number(), number(), d)
                      : random_.normal(tape_, any_shape(), number(), number(), d);
      default: return tape_.input(d, small_shape());
    }
  }
  operand any_operand() {
    const auto choice = below(12);
    if (choice == 0) return number();
    if (choice == 1 && !parameters_.empty()) return parameters_[below(parameters_.size())];
    if (choice == 2) return variable();
    return any_variable();
  }
  axes any_axes() {
    if (flip()) return {};
    std::vector<std::int64_t> list;
    for (auto n = below(4); n > 0; --n) list.push_back(integer());
    return axes(list);
  }
  range any_range() {
    if (below(3) == 0) return range(integer());
    const auto end = [this] { return flip() ? std::optional(integer()) : std::nullopt; };
    const auto start = end(), stop = end();
    return range(start, stop, integer());
  }
  std::vector<variable> some_variables(std::size_t most) {
    std::vector<variable> list;
    for (auto n = below(most + 1); n > 0; --n) list.push_back(any_variable());
    return list;
  }

  // --- Operations -------------------------------------------------------------------------------

  void keep(variable x) { values_.push_back(x); }
  void keep(const std::vector<variable>& list) {
    for (const variable& x : list) keep(x);
  }

  void step() {
    switch (below(10)) {
      case 0: return keep(leaf());
      case 1: return keep(unary());
      case 2: return keep(binary());
      case 3: return keep(reduced());
      case 4: return keep(composed());
      case 5: return keep(laid_out());
      case 6: return keep(indexed());
      case 7: return differentiate();
      case 8: return keep(windowed());
      default: return manage();
    }
  }

  variable unary() {
    using function = variable (*)(operand);
    constexpr function list[] = {
        negate,    reciprocal,  square,      exp,        expm1,    log,           log1p,
        sqrt,      sin,         cos,         tanh,       relu,     sigmoid,       softplus,
        logit,     erf,         gaussian,    normal_cdf, abs,      stop_gradient, identity,
        sign,      append_ones, log_sigmoid, silu,       gelu,     diag,          gelu_tanh,
        sinc,      relu6,       selu,        mish,       softsign, hard_sigmoid,  hard_silu,
        hard_tanh, exponential};
    return pick(list)(any_operand());
  }
  variable binary() {
    using function = variable (*)(operand, operand);
    constexpr function list[] = {
        add, subtract, multiply, divide, power, maximum, minimum, xlogy, chain, absorbing_multiply,
        difference, sinc_derivative, less, less_equal, greater, greater_equal, equal, not_equal,
        matmul,
        // losses
        sum_squared_error, half_squared_error, mean_squared_error, sum_absolute_error,
        mean_absolute_error, mean_absolute_percentage_error, mean_squared_logarithmic_error,
        log_cosh, cosine_similarity, hinge, squared_hinge, kl_divergence, binary_focal_crossentropy,
        categorical_focal_crossentropy, binary_crossentropy, binary_crossentropy_from_logits,
        categorical_crossentropy, categorical_crossentropy_from_logits,
        sparse_categorical_crossentropy, sparse_categorical_crossentropy_from_logits};
    const function f = pick(list);
    const operand a = any_operand();
    return f(a, flip() ? a : any_operand());
  }
  variable reduced() {
    using function = variable (*)(operand, const axes&, dims);
    constexpr function list[] = {sum, mean, max, min, prod, norm, logsumexp};
    const operand x = any_operand();
    const axes over = any_axes();
    switch (below(9)) {
      case 0: return var(x, over, any_dims(), int(below(4)));
      case 1: return stddev(x, over, any_dims(), int(below(4)));
      default: return pick(list)(x, over, any_dims());
    }
  }
  variable composed() {
    const operand x = any_operand();
    switch (below(22)) {
      case 13: return share_of_maximum(x, any_operand(), any_operand());
      case 14: return celu(x, number());
      case 15: return glu(x, integer());
      case 16: return layer_norm(x, any_operand(), any_operand(), any_axes(), number());
      case 17: return rms_norm(x, any_operand(), any_axes(), number());
      case 18: return group_norm(x, integer(), any_operand(), any_operand(), number());
      case 19: return batch_norm(x, any_operand(), any_operand(), number()).y;
      case 20: return normalize(x, any_operand(), any_operand());
      case 0: return select(x, any_operand(), any_operand());
      case 1: return clamp(x, any_operand(), any_operand());
      case 2: return cast(x, any_dtype());
      case 3: return argmax(x, integer());
      case 4: return softmax(x, integer());
      case 5: return log_softmax(x, integer());
      case 6: return cumsum(x, integer());
      case 7: return heaviside(x, number());
      case 8: return perceptron(x, any_operand(), any_operand(), number());
      case 9: return leaky_relu(x, number());
      case 10: return elu(x, number());
      case 11: return maxout(x, integer(), integer());
      case 12: return huber(x, any_operand(), number());
      default:
        return custom_gradient(
            [](const auto& v) { return sin(v[0]); }, {any_variable()},
            [own = any_variable(), flip = flip()](const auto&, variable y, variable dy) {
              return std::vector<variable>{flip ? dy * y : own};
            });
    }
  }
  variable laid_out() {
    const operand x = any_operand();
    switch (below(12)) {
      case 0: return reshape(x, any_shape());
      case 1: return reshape(x, {integer(), integer()});
      case 2: return reshape(x, {-1});
      case 3: return transpose(x);
      case 4: return transpose(x, {integer(), integer()});
      case 5: return transpose(x, {integer(), integer(), integer()});
      case 6: return broadcast_to(x, any_shape());
      case 7: return expand_dims(x, integer());
      case 8: return squeeze(x, any_axes());
      case 9: return pad(x, {integer()}, {integer()}, number());
      case 10: return pad(x, {integer(), integer()}, {integer(), integer()}, number());
      default: return tril(x, integer());
    }
  }
  variable indexed() {
    const operand x = any_operand();
    switch (below(8)) {
      case 0: return slice(x, {any_range()});
      case 1: return slice(x, {any_range(), any_range()});
      case 2: return slice(x, {all, any_range(), any_range()});
      case 3: return concatenate({x, any_operand(), any_operand()}, integer());
      case 4: return stack({x, any_operand()}, integer());
      case 5: return gather(x, any_indices(), integer());
      case 6: return scatter_add(x, any_indices(), integer(), integer());
      default: return one_hot(any_indices(), std::min<std::int64_t>(integer(), 1000), any_dtype());
    }
  }

  per_axis any_numbers() {
    if (flip()) return 1;
    return flip() ? per_axis(integer()) : per_axis{integer(), integer()};
  }
  window_padding any_padding() {
    if (flip()) return flip() ? "same" : "valid";
    return flip() ? window_padding(integer()) : window_padding{{integer(), integer()}};
  }
  // Sizes of results that are no larger than what an index tensor may take.
  per_axis any_sizes() {
    const auto size = [this] { return std::min<std::int64_t>(integer(), 100); };
    return flip() ? per_axis(size()) : per_axis{size(), size()};
  }
  variable windowed() {
    const operand x = any_operand();
    const window_options how{any_numbers(), any_padding(), any_numbers()};
    const pool_options pools{how.strides, how.padding, how.dilation};
    const auto few = [this] { return std::min<std::int64_t>(integer(), 100); };
    switch (below(11)) {
      case 0: return conv(x, any_operand(), {how.strides, how.padding, how.dilation, integer()});
      case 1:
        return conv_transpose(x, any_operand(),
                              {how.strides, how.padding, how.dilation, integer()});
      case 2: return unfold(x, any_numbers(), how);
      case 3: return fold(x, any_numbers(), how);
      case 4: return max_pool(x, any_numbers(), pools);
      case 5: return average_pool(x, any_numbers(), pools);
      case 6: return adaptive_max_pool(x, any_sizes());
      case 7: return adaptive_average_pool(x, any_sizes());
      case 8: return resize(x, any_sizes(), flip() ? "nearest" : "bilinear");
      case 9: return pad(x, {few()}, {few()}, flip() ? "reflect" : "edge");
      default: return pad(x, {few(), few()}, {few(), few()}, flip() ? "reflect" : "edge");
    }
  }

  void differentiate() {
    const variable y = any_variable();
    const std::vector<variable> xs = some_variables(3);
    switch (below(8)) {
      case 0: return keep(vjp(y, xs, any_operand()));
      case 1: return keep(jvp(y, xs, some_variables(3)));
      case 2: return keep(directional(y, xs, some_variables(3), int(below(4)) - 1));
      case 3: return keep(hessian_vector_product(y, xs, some_variables(3)));
      case 4: return keep(y.shape().elements() < 9 ? jacobian(y, any_variable()) : y);
      case 5: {
        const variable x = any_variable();
        return keep(x.shape().elements() < 9 ? hessian(y, x) : x);
      }
      default: return keep(gradient(sum(y), xs));
    }
  }
  void manage() {
    switch (below(6)) {
      case 0: return parameters_.empty() ? void() : tape_.assign(pick_parameter(), any_operand());
      case 1: return tape_.require(any_operand(), "required");
      case 2: return keep(any_variable().named("x"));
      case 3: return compile_and_run();
      case 4: {
        const variable x = any_variable();
        const std::int64_t parts = integer();
        if (parts < 100) keep(split(x, parts, integer()));
        return;
      }
      default: {
        std::ostringstream out;
        out << tape_ << any_variable();
      }
    }
  }
  const parameter& pick_parameter() { return parameters_[below(parameters_.size())]; }

  // --- Running ----------------------------------------------------------------------------------

  bool is_small(const tape_mark& before) const {
    for (auto i = before.nodes; i < tape_.size(); ++i) {
      if (tape_.type_of(i).shape.elements() > most_elements) return false;
    }
    return tape_.size() < 4 * most_nodes;
  }

  void compile_and_run() {
    std::vector<variable> inputs;
    for (std::uint32_t i = 0; i < tape_.size(); ++i) {
      if (is_input(i)) inputs.push_back(tape_.at(i));
    }
    if (!inputs.empty() && below(16) == 0) inputs.pop_back();
    std::vector<variable> outputs = some_variables(4);
    outputs.push_back(any_variable());
    const bool watch = flip();
    program p(tape_, inputs, outputs,
              {.fuse = flip(), .effects = flip(), .rebind = flip(), .watch_kinks = watch});
    std::vector<tensor> values;
    for (const variable& x : inputs) values.push_back(any_tensor(x.dtype(), x.shape()));
    const std::vector<array_view> views(values.begin(), values.end());
    for (int i = 0; i < 2; ++i) run(p, views);
    p.explain();
    p.memory();
  }
  bool is_input(std::uint32_t i) const {
    return std::string_view(tape_.nodes()[i].op->name) == "input";
  }

  // A run that fails leaves all parameters as they were.
  void run(program& p, std::span<const array_view> inputs) {
    std::vector<tensor> before;
    for (const parameter& x : parameters_) before.emplace_back(x.view());
    if (attempt([&] { p.run(inputs); })) {
      for (std::size_t i = 0; i < p.outputs(); ++i) tensor(p.output(i).view());
      return;
    }
    for (std::size_t i = 0; i < before.size(); ++i) {
      if (!same_bits(before[i], parameters_[i].view())) __builtin_trap();
    }
  }

  FuzzedDataProvider bytes_;
  tape tape_;
  generator random_;
  std::vector<parameter> parameters_;
  std::vector<variable> values_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  set_num_threads(1);
  player(data, size).play();
  return 0;
}
