// Every error of recording and differentiating: its type, what it says, and the user's line.
#include <fmt/format.h>

#include "primitives/assemble.hpp"
#include "support.hpp"

namespace cotape::tests {

namespace {

// A kernel of one's own, in two kinds.
struct twice {
  static constexpr auto name = "twice";
  template <class T> static T kernel(T x) { return x + x; }
  static variable derivative(variable, variable, variable dy) { return 2 * dy; }
};

// Derivatives that do not fit: of a larger shape, of another dtype.
struct taller : twice {
  static constexpr auto name = "taller";
  static variable derivative(variable x, variable, variable) { return broadcast_to(x, {5, 2, 3}); }
};
struct narrower : twice {
  static constexpr auto name = "narrower";
  static variable derivative(variable, variable, variable dy) { return cast(dy, float32); }
};

template <class Error, class F>
void expect_error(F f, const std::string& text, const char* file, int line, bool with_place) {
  const std::string place = std::string(file).substr(std::string(file).find_last_of('/') + 1) +
                            ":" + std::to_string(line);
  SCOPED_TRACE(place);
  try {
    f();
    ADD_FAILURE() << "nothing was thrown, expected: " << text;
  } catch (const Error& e) {
    EXPECT_EQ(typeid(e), typeid(Error));
    EXPECT_NE(std::string(e.what()).find(text), std::string::npos) << e.what();
    if (with_place) {
      EXPECT_NE(std::string(e.what()).find(place), std::string::npos) << e.what();
    }
  } catch (const std::exception& e) {
    ADD_FAILURE() << "thrown with another type: " << e.what();
  }
}

// EXPRESSION throws Error; its message contains TEXT and names this line.
#define EXPECT_ERROR(Error, expression, text) \
  expect_error<Error>([&] { (void)(expression); }, text, __FILE__, __LINE__, true)
// The same where no operand says where it was made.
#define EXPECT_ERROR_ANYWHERE(Error, expression, text) \
  expect_error<Error>([&] { (void)(expression); }, text, __FILE__, __LINE__, false)

class Errors : public ::testing::Test {
 protected:
  tape t, other;
  variable x = t.input(float32, {2, 3}, "x"), y = t.input(float32, {4, 5}, "y");
  variable wide = t.input(float64, {2, 3}), vector = t.input(float32, {3});
  variable whole = t.input(int64, {2, 3}), scalar = t.input(float32, {});
  variable empty = t.input(float32, {3, 0}), elsewhere = other.input(float32, {2, 3});
  parameter p{"p", xt::xarray<float>{1.0f, 2.0f}};
};

}  // namespace

TEST_F(Errors, OfShapesNameBothAndTheUsersLine) {
  EXPECT_ERROR(shape_error, x + y, "add: cannot broadcast (2, 3) with (4, 5)");
  EXPECT_ERROR(shape_error, multiply(x, y), "multiply: cannot broadcast (2, 3) with (4, 5)");
  EXPECT_ERROR(shape_error, select(x, x, y), "select: cannot broadcast (2, 3) with (4, 5)");
  EXPECT_ERROR(shape_error, x - y, "subtract: cannot broadcast (2, 3) with (4, 5)");
  EXPECT_ERROR(shape_error, x > y, "less: cannot broadcast (4, 5) with (2, 3)");
  EXPECT_ERROR(shape_error, clamp(x, 0, y), "clamp: cannot broadcast (2, 3) with (4, 5)");
}

TEST_F(Errors, SayWhereTheOperandsWereMade) {
  const variable a = t.input(float32, {7});
  const std::string first = "errors_test.cpp:" + std::to_string(__LINE__ - 1);
  const variable b = a * 2;
  const std::string second = "errors_test.cpp:" + std::to_string(__LINE__ - 1);
  EXPECT_ERROR(shape_error, b + x, "operands made at " + second + ", errors_test.cpp:");
  EXPECT_ERROR(shape_error, mean_squared_error(a, b + t.input(float32, {1, 7})), first);
  EXPECT_ERROR(shape_error, matmul(a, x), "operands made at " + first);
}

TEST_F(Errors, OfDtypesNameBoth) {
  EXPECT_ERROR(dtype_error, x * wide,
               "multiply: cannot combine float32 (2, 3) with float64 (2, 3), cast one of them");
  EXPECT_ERROR(dtype_error, exp(whole), "exp: takes float32 or float64, not int64, cast it");
  EXPECT_ERROR(dtype_error, sum(whole), "sum: takes float32 or float64, not int64");
  EXPECT_ERROR(dtype_error, argmax(whole), "argmax: takes float32 or float64, not int64");
  EXPECT_ERROR(dtype_error, cumsum(whole), "cumsum: takes float32 or float64, not int64");
  EXPECT_ERROR(dtype_error, matmul(x, transpose(wide)),
               "matmul: cannot multiply float32 (2, 3) by float64 (3, 2), cast one of them");
  EXPECT_ERROR(dtype_error, matmul(whole, transpose(whole)), "matmul: cannot multiply int64");
  EXPECT_ERROR(dtype_error, concatenate({x, wide}),
               "concatenate: cannot join float32 (2, 3) and float64 (2, 3), cast one of them");
  EXPECT_ERROR(dtype_error, gather(x, x), "gather: the indices must be int64, not float32");
  EXPECT_ERROR(dtype_error, scatter_add(x, x, 4),
               "scatter_add: the indices must be int64, not float32");
  EXPECT_ERROR(dtype_error, one_hot(x, 3), "one_hot: labels must be int64, not float32");
  EXPECT_ERROR(value_error, whole + 0.5, "0.5 is no int64 below 2^53, use tape.constant");
  EXPECT_ERROR(value_error, whole + 9007199254740993LL, "is no int64 below 2^53");
  EXPECT_ERROR(value_error, where(whole, whole, 1e300), "1e+300 is no int64");
}

TEST_F(Errors, OfTapesSayHowToGetOnOne) {
  EXPECT_ERROR(tape_error, p * p,
               "multiply: no operand is on a tape: record a parameter with tape.read(p)");
  EXPECT_ERROR(tape_error, square(p), "square: no operand is on a tape");
  EXPECT_ERROR(tape_error, mean(2), "mean: no operand is on a tape");
  EXPECT_ERROR(tape_error, x + elsewhere, "add: its operands live on different tapes");
  EXPECT_ERROR(tape_error, mean_squared_error(x, elsewhere), "live on different tapes");
  EXPECT_ERROR_ANYWHERE(tape_error, x + variable(), "variable: it is empty");
  EXPECT_ERROR(tape_error, stack({operand(p)}), "stack: no operand is on a tape");
  EXPECT_ERROR(value_error, stack({x, 1}), "stack: a plain number has no shape, use tape.constant");
}

TEST_F(Errors, OfAxesNameTheOperation) {
  EXPECT_ERROR(value_error, sum(x, 2), "sum: axis 2 is outside a tensor of 2 axes");
  EXPECT_ERROR(value_error, max(x, {0, -3}), "max: axis -3 is outside a tensor of 2 axes");
  EXPECT_ERROR(value_error, norm(x, {1, -1}), "norm: an axis is named twice");
  EXPECT_ERROR(value_error, mean(x, 5), "mean: axis 5 is outside a tensor of 2 axes");
  EXPECT_ERROR(value_error, var(x, 5), "var: axis 5 is outside");
  EXPECT_ERROR(value_error, prod(x, 5), "prod: axis 5 is outside");
  EXPECT_ERROR(value_error, min(x, 5), "min: axis 5 is outside");
  EXPECT_ERROR(value_error, logsumexp(x, 5), "logsumexp: axis 5 is outside");
  EXPECT_ERROR(value_error, softmax(x, 5), "softmax: axis 5 is outside");
  EXPECT_ERROR(value_error, argmax(x, 2), "argmax: axis 2 is outside");
  EXPECT_ERROR(value_error, argmax(scalar), "argmax: axis -1 is outside a tensor of 0 axes");
  EXPECT_ERROR(value_error, cumsum(x, -3), "cumsum: axis -3 is outside");
  EXPECT_ERROR(value_error, expand_dims(x, 3), "expand_dims: axis 3 is outside a tensor of 3 axes");
  EXPECT_ERROR(value_error, squeeze(x, 2), "squeeze: axis 2 is outside");
  EXPECT_ERROR(value_error, transpose(x, {0, 2}), "transpose: axis 2 is outside");
  EXPECT_ERROR(value_error, concatenate({x, x}, 2), "concatenate: axis 2 is outside");
  EXPECT_ERROR(value_error, stack({x, x}, 3), "stack: axis 3 is outside");
  EXPECT_ERROR(value_error, split(x, 3, 2), "split: axis 2 is outside");
  EXPECT_ERROR(value_error, gather(x, whole, 2), "gather: axis 2 is outside");
  EXPECT_ERROR(value_error, scatter_add(x, t.input(int64, {2}), 4, 2),
               "scatter_add: axis 2 is outside a tensor of 2 axes");
}

TEST_F(Errors, OfReductionsSayWhatIsMissing) {
  EXPECT_ERROR(shape_error, mean(empty), "mean: (3, 0) is empty");
  EXPECT_ERROR(value_error, var(x, 1, dims::drop, 3),
               "var: 3 elements are too few for correction 3");
  EXPECT_ERROR(value_error, stddev(empty, 1), "stddev: 0 elements are too few for correction 0");
  EXPECT_ERROR(shape_error, argmax(empty), "argmax: axis 1 of (3, 0) is empty");
}

TEST_F(Errors, OfMatmulNameBothShapes) {
  EXPECT_ERROR(shape_error, matmul(x, y),
               "matmul: cannot multiply (2, 3) by (4, 5): inner sizes 3 and 4 differ");
  EXPECT_ERROR(shape_error, matmul(y, vector),
               "matmul: cannot multiply (4, 5) by (3,): inner sizes 5 and 3 differ");
  EXPECT_ERROR(shape_error, matmul(x, scalar),
               "matmul: cannot multiply (2, 3) by (): use * for scalars");
  const variable a = t.input(float32, {2, 4, 5}), b = t.input(float32, {3, 5, 6});
  EXPECT_ERROR(shape_error, matmul(a, b),
               "matmul: cannot multiply (2, 4, 5) by (3, 5, 6): their batch axes do not broadcast");
  EXPECT_ERROR(shape_error, record(primitives::matmul, {a, b}),
               "matmul: cannot multiply (2, 4, 5) by (3, 5, 6): their batch axes differ");
  EXPECT_ERROR(shape_error, record(primitives::matmul, {x, y}), "inner sizes 3 and 4 differ");
}

TEST_F(Errors, OfReshapingNameTheShapes) {
  EXPECT_ERROR(shape_error, reshape(x, {4, 2}),
               "reshape: cannot turn (2, 3) (6 elements) into (4, 2) (8 elements)");
  EXPECT_ERROR(shape_error, reshape(x, shape{7}), "reshape: cannot turn (2, 3) (6 elements)");
  EXPECT_ERROR(shape_error, reshape(x, {-1, 4}),
               "reshape: cannot find the size -1 that turns (2, 3) into the rest");
  EXPECT_ERROR(shape_error, reshape(x, {-1, -1}), "reshape: cannot find the size -1");
  EXPECT_ERROR(shape_error, reshape(empty, {-1, 0}), "reshape: cannot find the size -1");
  // 2^64 + 1, in 64 bits 1.
  EXPECT_ERROR(shape_error, reshape(x, {274177, 67280421310721, -1}),
               "reshape: cannot find the size -1 that turns (2, 3) into the rest");
  EXPECT_ERROR(shape_error, reshape(x, {-2, 3}), "reshape: a size is negative");
  EXPECT_ERROR(shape_error, broadcast_to(x, {3, 3}),
               "broadcast_to: cannot broadcast (2, 3) to (3, 3)");
  EXPECT_ERROR(shape_error, broadcast_to(x, {3}), "broadcast_to: cannot broadcast (2, 3) to (3,)");
  EXPECT_ERROR(value_error, transpose(x, {0, 0}),
               "transpose: the order must name each of the 2 axes of (2, 3) once");
  EXPECT_ERROR(value_error, transpose(x, {1}), "transpose: the order must name each");
  EXPECT_ERROR(shape_error, squeeze(x, 0), "squeeze: axis 0 of (2, 3) is not of size 1");
  EXPECT_ERROR(shape_error, squeeze(x, {0, 1}), "squeeze: axis 0 of (2, 3) is not of size 1");
  EXPECT_ERROR(shape_error, squeeze(vector, 0), "squeeze: axis 0 of (3,) is not of size 1");
  EXPECT_ERROR(shape_error, diag(x), "diag: (2, 3) is neither a vector nor a square matrix");
  EXPECT_ERROR(shape_error, tril(vector), "tril: (3,) is not a matrix");
}

TEST_F(Errors, OfSlicesNameTheAxis) {
  EXPECT_ERROR(shape_error, slice(x, {0, 0, 0}), "slice: 3 ranges for (2, 3)");
  EXPECT_ERROR(value_error, slice(x, {all, {0, 2, 0}}), "slice: a step of 0");
  EXPECT_ERROR(value_error, slice(x, {all, 3}), "slice: index 3 is outside axis 1 of (2, 3)");
  EXPECT_ERROR(value_error, slice(x, {-3}), "slice: index -3 is outside axis 0 of (2, 3)");
}

TEST_F(Errors, OfPartsNameTheShapes) {
  EXPECT_ERROR_ANYWHERE(value_error, concatenate(std::vector<operand>{}), "concatenate: no parts");
  EXPECT_ERROR(shape_error, concatenate({x, y}),
               "concatenate: (2, 3) and (4, 5) differ in another axis than axis 0");
  EXPECT_ERROR(shape_error, concatenate({x, vector}, 1),
               "concatenate: (2, 3) and (3,) differ in another axis than axis 1");
  EXPECT_ERROR(shape_error, stack({x, y}), "stack: (2, 3) and (4, 5) are not equal");
  EXPECT_ERROR(shape_error, split(x, 2, 1),
               "split: axis 1 of (2, 3) does not divide into 2 equal parts");
  EXPECT_ERROR(shape_error, split(x, 0), "split: axis 0 of (2, 3) does not divide into 0");
  EXPECT_ERROR(shape_error, pad(x, {1}, {1, 1}),
               "pad: (2, 3) needs 2 sizes before and after, none negative");
  EXPECT_ERROR(shape_error, pad(x, {1, -1}, {1, 1}), "pad: (2, 3) needs 2 sizes");
  constexpr std::int64_t most = std::numeric_limits<std::int64_t>::max();
  EXPECT_ERROR(shape_error, pad(vector, {most}, {most}),
               "pad: float32 (3,) cannot become shape (4294967301): more than 2^31 elements [at ");
  EXPECT_ERROR(value_error, pad(whole, {1, 1}, {1, 1}, 1.5), "1.5 is no int64");
}

// Parts that were made somewhere else: a vector's elements are converted within its constructor.
TEST_F(Errors, OfPartsNameTheLineOfTheCall) {
  std::vector<variable> pieces = split(x, 2);
  pieces.push_back(y);
  const std::vector<operand> parts(pieces.begin(), pieces.end());
  EXPECT_ERROR(shape_error, concatenate(parts), "concatenate: (1, 3) and (4, 5) differ in another");
  EXPECT_ERROR(shape_error, stack(parts), "stack: (1, 3) and (4, 5) are not equal");
  const std::vector<operand> parameters(2, p);
  EXPECT_ERROR(tape_error, concatenate(parameters), "concatenate: no operand is on a tape");
  EXPECT_ERROR(tape_error, stack(parameters), "stack: no operand is on a tape");
  EXPECT_ERROR(value_error, stack(std::vector<operand>{}), "stack: no parts");
}

TEST_F(Errors, OfSizesThatAreTooLargeNameTheOperationAndItsOperands) {
  const variable big = t.input(float32, {1 << 30, 1}), row = t.input(float32, {1, 4});
  EXPECT_ERROR(
      shape_error, concatenate({big, big, big}),
      "concatenate: float32 (1073741824, 1) cannot become shape (3221225472, 1): more than 2^31");
  EXPECT_ERROR(
      shape_error, stack({big, big, big}),
      "stack: float32 (1, 1073741824, 1) cannot become shape (3, 1073741824, 1): more than 2^31");
  EXPECT_ERROR(shape_error, scatter_add(vector, t.input(int64, {3}), std::int64_t{1} << 32),
               "scatter_add: float32 (3,), int64 (3,) cannot become shape (4294967296): more than "
               "2^31 elements");
  EXPECT_ERROR(
      shape_error, one_hot(whole, std::int64_t{1} << 32),
      "one_hot: int64 (2, 3) cannot become shape (2, 3, 4294967296): more than 2^31 elements");
  EXPECT_ERROR(
      shape_error, diag(t.input(float32, {1 << 20})),
      "diag: float32 (1048576,) cannot become shape (1048576, 1048576): more than 2^31 elements");
  EXPECT_ERROR(
      shape_error, reshape(big, {1 << 30, 1, 1 << 30}),
      "reshape: float32 (1073741824, 1) cannot become shape (1073741824, 1, 1073741824): more");
  EXPECT_ERROR(shape_error, big + row,
               "add: float32 (1073741824, 1), float32 (1, 4) cannot become shape (1073741824, 4): "
               "more than 2^31");
  EXPECT_ERROR(
      shape_error, broadcast_to(big, {1, 4}),
      "broadcast_to: float32 (1073741824, 1) cannot become shape (1073741824, 4): more than 2^31");
  EXPECT_ERROR(shape_error, matmul(big, row),
               "matmul: float32 (1073741824, 1), float32 (1, 4) cannot become shape (1073741824, "
               "4): more than");
  EXPECT_ERROR(shape_error,
               matmul(t.input(float32, {1 << 20, 1, 4, 1}), t.input(float32, {1 << 20, 1, 4})),
               "matmul: float32 (1048576, 1, 4, 1), float32 (1048576, 1, 4) cannot become shape "
               "(1048576, 1048576): ");
  EXPECT_ERROR(shape_error, gather(big, t.input(int64, {1 << 10, 1 << 9}), 1),
               "gather: float32 (1073741824, 1), int64 (1024, 512) cannot become shape "
               "(1073741824, 1024, 512): more than 2^31 elements");
  const variable axes = t.input(float32, {1, 1, 1, 1, 1, 1, 1, 1});
  EXPECT_ERROR(
      shape_error, expand_dims(axes, 0),
      "expand_dims: float32 (1, 1, 1, 1, 1, 1, 1, 1) cannot become shape (1, 1, 1, 1, 1, 1, 1, 1, "
      "1): more than 8 axes");
}

TEST_F(Errors, OfCustomGradientsTellTapesApart) {
  tape another;
  const variable far = another.input(float32, {2, 3});
  const derivative_rule rule = [far](const auto&, variable, variable) { return variables{far}; };
  EXPECT_ERROR_ANYWHERE(tape_error, custom_gradient([far](const auto&) { return far; }, {x}, rule),
                        "custom_gradient: inputs and output must live on one tape");
  const variable odd = custom_gradient([](const auto& v) { return sin(v[0]); }, {x}, rule);
  EXPECT_ERROR_ANYWHERE(tape_error, gradient(sum(odd), x),
                        "custom_gradient: the rule's adjoint lives on another tape");
}

TEST_F(Errors, OfIndicesNameTheShapes) {
  EXPECT_ERROR(shape_error, scatter_add(x, t.input(int64, {3}), 4),
               "scatter_add: indices of shape (3,) do not fit (2, 3) at axis 0");
  EXPECT_ERROR(shape_error, scatter_add(scalar, whole, 4),
               "scatter_add: indices of shape (2, 3) do not fit ()");
  const auto assembled = [&](std::vector<variable> parts, std::int64_t first, std::int64_t step,
                             std::int64_t axis) {
    primitives::words attributes = primitives::assembly_of({4, 3});
    primitives::append_part(attributes, primitives::words{first, 0}, primitives::words{step, 1});
    attributes.back() = axis;
    return t.record(primitives::assemble, parts, attributes, {__FILE__, __LINE__});
  };
  const variable two = t.input(int64, {2});
  EXPECT_NO_THROW(assembled({x}, 1, 2, -1));
  EXPECT_NO_THROW(assembled({x, two}, 0, 1, 0));
  for (auto [first, step] :
       {std::pair(3, 1), std::pair(-1, 1), std::pair(0, -1), std::pair(1, 3)}) {
    EXPECT_ERROR_ANYWHERE(shape_error, assembled({x}, first, step, -1),
                          "assemble: a part float32 (2, 3) does not fit into float32 (4, 3)");
  }
  EXPECT_ERROR_ANYWHERE(shape_error, assembled({vector}, 0, 1, -1), "does not fit into");
  EXPECT_ERROR_ANYWHERE(shape_error, assembled({x, t.input(int64, {3})}, 0, 1, 0),
                        "does not fit into");
  EXPECT_ERROR_ANYWHERE(dtype_error, assembled({x, x}, 0, 1, 0),
                        "assemble: the indices must be int64");
  EXPECT_ERROR(value_error, scatter_add(x, t.input(int64, {2}), -1),
               "scatter_add: the size -1 is negative");
  EXPECT_ERROR(value_error, one_hot(whole, -2), "one_hot: -2 classes");
}

TEST_F(Errors, OfLossesNameBothShapes) {
  EXPECT_ERROR(shape_error, mean_squared_error(x, vector),
               "mean_squared_error: the prediction is (2, 3), the target (3,): they must be equal");
  EXPECT_ERROR(shape_error, binary_crossentropy(x, y), "binary_crossentropy: the prediction is (2");
  EXPECT_ERROR(shape_error, binary_crossentropy_from_logits(x, y),
               "binary_crossentropy_from_logits: the prediction is (2, 3), the target (4, 5)");
  EXPECT_ERROR(shape_error, categorical_crossentropy_from_logits(x, y),
               "categorical_crossentropy_from_logits: the prediction is (2, 3), the target (4, 5)");
  EXPECT_ERROR(shape_error, sparse_categorical_crossentropy_from_logits(x, whole),
               "sparse_categorical_crossentropy_from_logits: labels of shape (2, 3) do not fit "
               "logits of shape (2, 3)");
  EXPECT_ERROR(shape_error, sparse_categorical_crossentropy(x, whole),
               "sparse_categorical_crossentropy: labels of shape (2, 3) do not fit predictions of "
               "shape (2, 3)");
  const auto shapes = ": the prediction is (2, 3), the target (4, 5): they must be equal";
  using loss = variable (*)(operand, operand);
  for (const auto& row : std::vector<std::pair<std::string, loss>>{
           {"sum_squared_error", sum_squared_error},
           {"half_squared_error", half_squared_error},
           {"sum_absolute_error", sum_absolute_error},
           {"mean_absolute_error", mean_absolute_error},
           {"mean_absolute_percentage_error", mean_absolute_percentage_error},
           {"mean_squared_logarithmic_error", mean_squared_logarithmic_error},
           {"huber", [](operand a, operand b) { return huber(a, b); }},
           {"log_cosh", log_cosh},
           {"cosine_similarity", cosine_similarity},
           {"hinge", hinge},
           {"squared_hinge", squared_hinge},
           {"kl_divergence", kl_divergence},
           {"binary_focal_crossentropy", binary_focal_crossentropy},
           {"categorical_focal_crossentropy", categorical_focal_crossentropy},
           {"categorical_crossentropy", categorical_crossentropy}}) {
    EXPECT_ERROR(shape_error, row.second(x, y), row.first + shapes);
  }
  EXPECT_ERROR(value_error, huber(x, x, 0), "huber: delta 0 is not above 0");
  EXPECT_ERROR(value_error, huber(x, x, std::nan("")), "huber: delta nan is not above 0");
  EXPECT_ERROR(value_error, binary_focal_crossentropy(x, x, {.alpha = 2}),
               "binary_focal_crossentropy: alpha 2 is not in [0, 1]");
  EXPECT_ERROR(value_error, categorical_focal_crossentropy(x, x, {.gamma = -1}),
               "categorical_focal_crossentropy: gamma -1 is not a finite number from 0 on");
  EXPECT_ERROR(value_error, smoothed_labels(x, 1.5, 2), "smoothed_labels: amount 1.5 is not in");
  EXPECT_ERROR(value_error, smoothed_labels(x, 0.1, 0), "smoothed_labels: 0 classes, it takes");
  EXPECT_ERROR(dtype_error, smoothed_labels(whole, 0.1, 2),
               "smoothed_labels: takes float32 or float64, not int64");
}

TEST_F(Errors, OfUnitsSayWhatDoesNotFit) {
  EXPECT_ERROR(shape_error, maxout(x, 2),
               "maxout: axis 1 of (2, 3) does not divide into pieces of 2");
  EXPECT_ERROR(shape_error, maxout(x, 0, 0), "maxout: axis 0 of (2, 3) does not divide");
  EXPECT_ERROR(value_error, maxout(x, 2, 2), "maxout: axis 2 is outside");
  EXPECT_ERROR(shape_error, append_ones(scalar), "append_ones: a scalar has no axis of inputs");
  EXPECT_ERROR(shape_error, perceptron(x, y, 0), "perceptron: cannot multiply (2, 3) by (4, 5)");
  EXPECT_ERROR(dtype_error, leaky_relu(whole), "leaky_relu: takes float32 or float64, not int64");
  EXPECT_ERROR(dtype_error, relu6(whole), "relu6: takes float32 or float64, not int64");
  EXPECT_ERROR(dtype_error, softsign(whole), "softsign: takes float32 or float64, not int64");
  EXPECT_ERROR(dtype_error, hard_tanh(whole), "hard_tanh: takes float32 or float64, not int64");
  EXPECT_ERROR(value_error, celu(x, 0), "celu: alpha 0 is not above 0");
  EXPECT_ERROR(shape_error, glu(x), "glu: axis 1 of (2, 3) does not divide into 2 halves");
  EXPECT_ERROR(value_error, glu(x, 2), "glu: axis 2 is outside a tensor of 2 axes");
}

TEST_F(Errors, OfNormalizationsNameShapesAndEpsilon) {
  EXPECT_ERROR(shape_error, layer_norm(x, y),
               "layer_norm: the scale (4, 5) does not broadcast to (2, 3)");
  EXPECT_ERROR(shape_error, layer_norm(x, 1, y),
               "layer_norm: the shift (4, 5) does not broadcast to (2, 3)");
  EXPECT_ERROR(shape_error, rms_norm(t.input(float32, {3}), x),
               "rms_norm: the scale (2, 3) does not broadcast to (3,)");
  EXPECT_ERROR(shape_error, normalize(x, y, 1),
               "normalize: the mean (4, 5) does not broadcast to (2, 3)");
  EXPECT_ERROR(shape_error, normalize(x, 0, y),
               "normalize: the variance (4, 5) does not broadcast");
  EXPECT_ERROR(shape_error, batch_norm(x, x).y,
               "batch_norm: the scale (2, 3) does not broadcast to (3,)");
  EXPECT_ERROR(shape_error, batch_norm(t.input(float32, {3})).y,
               "batch_norm: (3,) is not (batch, ..., channels)");
  EXPECT_ERROR(shape_error, batch_norm(t.input(float32, {0, 3})).y, "batch_norm: (0, 3) is empty");
  EXPECT_ERROR(shape_error, layer_norm(empty), "layer_norm: (3, 0) is empty");
  EXPECT_ERROR(shape_error, group_norm(x, 2), "group_norm: 3 channels do not divide into 2 groups");
  EXPECT_ERROR(shape_error, group_norm(x, 0), "group_norm: 3 channels do not divide into 0 groups");
  EXPECT_ERROR(value_error, layer_norm(x, 1, 0, -1, -0.5), "layer_norm: epsilon -0.5 is below 0");
  EXPECT_ERROR(value_error, rms_norm(x, 1, 5), "rms_norm: axis 5 is outside a tensor of 2 axes");
  EXPECT_ERROR(dtype_error, layer_norm(whole), "layer_norm: takes float32 or float64, not int64");
  EXPECT_ERROR(dtype_error, layer_norm(x, wide),
               "cannot combine float32 (2, 3) with float64 (2, 3)");
  EXPECT_ERROR(tape_error, identity(p),
               "identity: no operand is on a tape: record a parameter with tape.read(p)");
}

TEST_F(Errors, OfGradientsNameTheOutputAndWhatToUse) {
  EXPECT_ERROR(shape_error, gradient(x * 2, x),
               "gradient: the output has shape (2, 3), a gradient needs one element: use vjp");
  EXPECT_ERROR(shape_error, vjp(x * 2, {x}, y),
               "vjp: the adjoint is float32 (4, 5), the output float32 (2, 3): they must be equal");
  EXPECT_ERROR(tape_error, gradient(sum(x), elsewhere),
               "gradient: the variables live on different tapes");
  EXPECT_ERROR(dtype_error, gradient(sum(x), t.input(int64, {1})),
               "gradient: int64 values have no derivative");
  EXPECT_ERROR(value_error, jvp(x * 2, {x}, {x, x}), "jvp: 2 directions for 1 variables");
}

TEST_F(Errors, OfCustomGradientsNameTheRulesAdjoint) {
  const auto identity = [](const variables& v) { return v[0] * 1; };
  const auto none = [](const variables&, variable, variable) { return variables{}; };
  const auto wrong = [this](const variables&, variable, variable) { return variables{y}; };
  EXPECT_ERROR_ANYWHERE(value_error, custom_gradient(identity, {}, none),
                        "custom_gradient: it needs at least one input");
  const variable a = custom_gradient(identity, {x}, none),
                 b = custom_gradient(identity, {x}, wrong);
  EXPECT_ERROR_ANYWHERE(value_error, gradient(sum(a), x),
                        "custom_gradient: the rule gave 0 adjoints for 1 inputs");
  EXPECT_ERROR_ANYWHERE(
      shape_error, gradient(sum(b), x),
      "custom_gradient: the rule's adjoint 0 is float32 (4, 5), the input float32 (2, 3) [output ");
}

TEST_F(Errors, OfOnesOwnDerivativesNameTheOperation) {
  const variable a = apply<taller>(x);
  EXPECT_ERROR_ANYWHERE(shape_error, vjp(a, {x}, a),
                        "taller: its derivative gave float32 (5, 2, 3) for an operand float32 (2, "
                        "3) [output made at");
  const variable narrow = apply<narrower>(wide);
  EXPECT_ERROR_ANYWHERE(shape_error, vjp(narrow, {wide}, narrow),
                        "narrower: its derivative gave float32 (2, 3) for an operand float64");
}

TEST_F(Errors, OfLabelsThatAreNoClassNameTheLossAndTheRow) {
  const xt::xarray<float> ones = xt::ones<float>({2, 3});
  const variable labels = t.constant(xt::xarray<int>{1, 3});
  for (const auto& [name, loss] :
       {std::pair("sparse_categorical_crossentropy", &sparse_categorical_crossentropy),
        std::pair("sparse_categorical_crossentropy_from_logits",
                  &sparse_categorical_crossentropy_from_logits)}) {
    const variable mean = loss({x, __FILE__, __LINE__}, labels);
    const std::string text =
        fmt::format("{}: label 3 in row 1 is none of the 3 classes, 0..2 [at errors_test.cpp:{}]",
                    name, __LINE__ - 3);
    EXPECT_ERROR_ANYWHERE(value_error, mean.value<float>({{x, ones}}), text);
    EXPECT_ERROR_ANYWHERE(value_error, gradient(mean, x).value<float>({{x, ones}}), text);
  }
}

TEST_F(Errors, OfIndicesOutsideNameTheOperationAndTheLine) {
  const xt::xarray<float> ones = xt::ones<float>({2, 3});
  const variable at = t.constant(xt::xarray<int>{1, 0, -4});
  const std::string why =
      "index -4, element 2 of the indices, is outside 0..1 [at errors_test.cpp:";
  const variable rows = gather(x, at);
  const std::string text = fmt::format("gather: {}{}]", why, __LINE__ - 1);
  EXPECT_ERROR_ANYWHERE(value_error, rows.value<float>({{x, ones}}), text);
  EXPECT_ERROR_ANYWHERE(value_error, gradient(sum(rows), x).value<float>({{x, ones}}), text);
  const variable added = scatter_add(t.constant(xt::xarray<float>{1, 2, 3}), at, 2);
  EXPECT_ERROR_ANYWHERE(value_error, added.value<float>(),
                        fmt::format("scatter_add: {}{}]", why, __LINE__ - 2));
}

TEST_F(Errors, OfOnesOwnOperations) {
  EXPECT_ERROR(tape_error, apply<twice>(p), "twice: no operand is on a tape");
  EXPECT_ERROR(dtype_error, apply<twice>(whole),
               "twice: takes float32 or float64, not int64, cast it");
}

TEST_F(Errors, LeaveTheTapeUsable) {
  const std::size_t before = t.size();
  EXPECT_THROW(x + y, shape_error);
  EXPECT_THROW(sum(x, 7), value_error);
  EXPECT_EQ(t.size(), before);
  const variable z = x + x;
  EXPECT_NE(t.place_of(z.index()).text().find("errors_test.cpp"), std::string::npos);
}

}  // namespace cotape::tests
