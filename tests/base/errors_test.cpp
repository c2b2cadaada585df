// Of all exceptions of the standard library only bad_alloc comes out of public functions; the rest
// are errors of this library. What a user's own function throws passes as it is.
#include <gtest/gtest.h>
#include <cotape/cotape.hpp>

#include <fstream>
#include <functional>
#include <limits>
#include <typeinfo>

#include "expect_error.hpp"
#include "ops/declared.hpp"

namespace {

using namespace cotape;
using std::filesystem::path;

constexpr std::int64_t largest = std::numeric_limits<std::int64_t>::max(),
                       least = std::numeric_limits<std::int64_t>::min();
const std::int64_t wrong_numbers[] = {least, -2, -1, 0, 1, 2, 9, std::int64_t{1} << 40, largest};

// What f throws beside our errors and bad_alloc, or nothing.
std::string foreign(const std::function<void()>& f) {
  try {
    f();
  } catch (const error&) {
  } catch (const std::bad_alloc&) {
  } catch (const std::exception& e) {
    return std::string(typeid(e).name()) + ": " + e.what();
  } catch (...) {
    return "something";
  }
  return {};
}

struct action {
  std::string name;
  std::function<void()> f;
};
using actions = std::vector<action>;

void expect_ours(const actions& list) {
  for (const action& a : list) EXPECT_EQ(foreign(a.f), "") << a.name;
}
// Each with all the wrong numbers.
void expect_ours_for_numbers(
    const std::vector<std::pair<std::string, std::function<void(std::int64_t)>>>& list) {
  for (const auto& [name, f] : list) {
    for (const std::int64_t n : wrong_numbers) {
      EXPECT_EQ(foreign([&, g = &f] { (*g)(n); }), "") << name << ", " << n;
    }
  }
}

const xt::xarray<float> x = {{1, 2}, {3, 4}, {5, 7}}, y = {1, 0, 1};

sequential trained() {
  sequential m({dense(2, "tanh"), dense(1)}, 1);
  m.compile("mse", sgd());
  return m;
}
history fit(fit_options options) {
  options.progress = nullptr;
  sequential m = trained();
  return m.fit(x, y, options);
}

// The public functions that take a path.
std::set<std::string> functions_of_paths() {
  std::set<std::string> names;
  for (const auto& header :
       std::filesystem::directory_iterator(path(COTAPE_SOURCE_DIR) / "include" / "cotape")) {
    const std::string text = tests::text_of("include/cotape/" + header.path().filename().string());
    names.merge(tests::matches(text, "(\\w+)\\((?:const )?std::filesystem::path"));
  }
  return names;
}

TEST(Errors, OfNamesOfFilesAreOurs) {
  std::set<std::string> tried;
  const path folder = path(testing::TempDir()) / "cotape_errors";
  std::filesystem::create_directories(folder / "there.npz");
  const std::string nul(1, '\0');
  const tensor one({float32, {1}});
  const parameter p("p", 1.0f);
  tape t;
  const variable v = square(t.read(p));
  sequential m{input({2}), dense(1)};
  history h;
  h.add({{"loss", 1}});
  for (const path& file :
       {path(), path("."), path(".."), folder, folder / "", folder / std::string(300, 'x'),
        folder / (std::string(300, 'x') + ".npz"), folder / (nul + ".npz"), folder / "none.npz",
        path(std::string(5000, '/')), path(std::string(5000, 'x')), folder / "there.npz",
        folder / "none" / "x.npz", folder / "there.npz" / "x.npz", folder / "\xff.safetensors"}) {
    SCOPED_TRACE(file.native());
    const actions list = {
        {"read_idx", [&] { read_idx(file); }},
        {"read_npy", [&] { read_npy(file); }},
        {"read_npz", [&] { read_npz(file); }},
        {"read_safetensors", [&] { read_safetensors(file); }},
        {"read_csv", [&] { read_csv(file); }},
        {"load_parameters", [&] { load_parameters(file, {p}); }},
        {"write_npy", [&] { write_npy(file, one); }},
        {"write_npz",
         [&] {
           write_npz(file, {{"a", one}});
         }},
        {"write_safetensors",
         [&] {
           write_safetensors(file, {{"a", one}});
         }},
        {"save_parameters", [&] { save_parameters(file, {p}); }},
        {"save", [&] { m.save(file); }},
        {"load_model", [&] { load_model(file); }},
        {"write_csv", [&] { h.write_csv(file); }},
        {"write_svg", [&] { h.write_svg(file); }},
        {"write_figure",
         [&] {
           report::write_figure(file, {{"t", "x", "y", {{"c", {1, 2}, {}}}, false}});
         }},
        {"write_graph", [&] { report::write_graph(file, v); }},
        {"write_circuit", [&] { report::write_circuit(file, v); }},
        {"csv_log", [&] { fit({.callbacks = {csv_log(file)}}); }},
        {"checkpoint", [&] { fit({.callbacks = {checkpoint(file)}}); }},
        {"best_weights", [&] { fit({.callbacks = {best_weights(file, {.monitor = "loss"})}}); }},
    };
    expect_ours(list);
    for (const action& a : list) tried.insert(a.name);
  }
  EXPECT_EQ(tried, functions_of_paths());
  std::filesystem::remove_all(folder);
}

TEST(Errors, OfNumbersAreOurs) {
  tape t;
  const variable v = t.input(float32, {2, 3}), labels = t.input(int64, {3});
  const array_argument a(x);
  generator random(1);
  expect_ours_for_numbers({
      {"shape",
       [](std::int64_t n) {
         shape{n, 2};
       }},
      {"tensor",
       [](std::int64_t n) {
         tensor({float32, {n, 2}});
       }},
      {"unravel_index",
       [](std::int64_t n) {
         unravel_index(n, shape{2, 3});
       }},
      {"sum", [&](std::int64_t n) { sum(v, n); }},
      {"var", [&](std::int64_t n) { var(v, {}, dims::drop, static_cast<int>(n)).value<float>(); }},
      {"argmax", [&](std::int64_t n) { argmax(v, n); }},
      {"softmax", [&](std::int64_t n) { softmax(v, n); }},
      {"cumsum", [&](std::int64_t n) { cumsum(v, n); }},
      {"reshape",
       [&](std::int64_t n) {
         reshape(v, {n, 2});
       }},
      {"transpose",
       [&](std::int64_t n) {
         transpose(v, {n, 0});
       }},
      {"broadcast_to",
       [&](std::int64_t n) {
         broadcast_to(v, {n, 2, 3});
       }},
      {"expand_dims", [&](std::int64_t n) { expand_dims(v, n); }},
      {"squeeze", [&](std::int64_t n) { squeeze(v, n); }},
      {"slice",
       [&](std::int64_t n) {
         slice(v, {n});
         slice(v, {{0, n}});
         slice(v, {{n, 0, n}});
       }},
      {"slice by",
       [&](std::int64_t n) {
         slice(v, {{0, 2, n}});
       }},
      {"concatenate",
       [&](std::int64_t n) {
         concatenate({v, v}, n);
       }},
      {"stack",
       [&](std::int64_t n) {
         stack({v, v}, n);
       }},
      {"split", [&](std::int64_t n) { split(v, n); }},
      {"split along", [&](std::int64_t n) { split(v, 2, n); }},
      {"pad",
       [&](std::int64_t n) {
         pad(v, {n, n}, {0, 0});
       }},
      {"gather", [&](std::int64_t n) { gather(v, labels, n); }},
      {"scatter_add", [&](std::int64_t n) { scatter_add(v, labels, n, 1); }},
      {"one_hot", [&](std::int64_t n) { one_hot(labels, n); }},
      {"tril", [&](std::int64_t n) { tril(v, n); }},
      {"uniform", [&](std::int64_t n) { random.uniform(shape{n}); }},
      {"one_hot of rows",
       [](std::int64_t n) {
         cotape::one_hot<float>(xt::xarray<std::int64_t>{0, 1}, n);
       }},
      {"rows_of", [&](std::int64_t n) { rows_of(a.view(), n, 2); }},
      {"rows_of to", [&](std::int64_t n) { rows_of(a.view(), 0, n); }},
      {"take_rows", [&](std::int64_t n) { take_rows(a, std::vector<std::int64_t>{n}); }},
      {"shuffled_rows", [](std::int64_t n) { shuffled_rows(n, 1); }},
      {"split_rows", [](std::int64_t n) { split_rows(n); }},
      {"batches",
       [](std::int64_t n) {
         batches b({x}, {.size = n});
         b.start_epoch(n);
         b.skip(n);
         while (b.next()) {
         }
       }},
      {"dense",
       [](std::int64_t n) {
         sequential m({dense(n)}, 1);
         m.predict(x);
       }},
      {"input", [](std::int64_t n) { input({n}); }},
      {"fit of a batch size", [](std::int64_t n) { fit({.batch_size = n}); }},
      {"fit of epochs",
       [](std::int64_t n) {
         if (n < 100) fit({.epochs = n});
       }},
      {"fit of steps",
       [](std::int64_t n) {
         if (n < 100) fit({.steps = n});
       }},
      {"evaluate",
       [](std::int64_t n) {
         sequential m = trained();
         m.evaluate(x, y, n);
       }},
      {"predict",
       [](std::int64_t n) {
         sequential m = trained();
         m.predict(x, n);
       }},
      {"confusion_matrix",
       [](std::int64_t n) {
         confusion_matrix(xt::xarray<std::int64_t>{0, 1}, xt::xarray<std::int64_t>{1, 1}, n);
       }},
      {"early_stopping",
       [](std::int64_t n) {
         fit({.callbacks = {early_stopping({.monitor = "loss", .patience = n})}});
       }},
      {"rate_on_plateau",
       [](std::int64_t n) { fit({.callbacks = {rate_on_plateau({.patience = n}, "loss")}}); }},
      {"best_weights",
       [](std::int64_t n) { best_weights("b.safetensors", {.start_from_epoch = n}); }},
      {"checkpoint", [](std::int64_t n) { checkpoint("c", {.epochs = n, .steps = n}); }},
      {"step_decay", [](std::int64_t n) { step_decay(0.1, 0.5, n)(n); }},
      {"exponential_decay", [](std::int64_t n) { exponential_decay(0.1, 0.5, n)(n); }},
      {"cosine_decay", [](std::int64_t n) { cosine_decay(0.1, n)(n); }},
      {"cosine_restarts", [](std::int64_t n) { cosine_restarts(0.1, n)(n); }},
      {"polynomial_decay", [](std::int64_t n) { polynomial_decay(0.1, n)(n); }},
      {"inverse_time_decay", [](std::int64_t n) { inverse_time_decay(0.1, 0.5, n)(n); }},
      {"piecewise_constant",
       [](std::int64_t n) {
         piecewise_constant({n}, {1, 2})(n);
       }},
      {"one_cycle", [](std::int64_t n) { one_cycle(0.1, n)(n); }},
      {"warm_up", [](std::int64_t n) { warm_up(n, constant_rate(0.1))(n); }},
      {"logs",
       [](std::int64_t n) {
         logs l;
         l.add("loss", 1);
         l[static_cast<std::size_t>(n)];
       }},
      {"csv_table", [](std::int64_t n) { csv_table().line(n); }},
      {"set_num_threads",
       [](std::int64_t n) {
         const int before = num_threads();
         const auto restore = [&] { set_num_threads(before); };
         if (n < 1) set_num_threads(static_cast<int>(n));
         restore();
       }},
      {"sample",
       [](std::int64_t n) {
         report::sample([](double, double) { return 0.0; }, {0, 1}, {0, 1},
                        n < 10 && n >= 0 ? static_cast<std::size_t>(n) : 0);
       }},
      {"figure",
       [](std::int64_t n) {
         report::figure_to_gnuplot({{"t", "x", "y", {{"c", {1, 2}, {}}}, false}},
                                   {.columns = static_cast<std::size_t>(n),
                                    .width = static_cast<int>(n),
                                    .height = static_cast<int>(n)});
       }},
      {"graph",
       [&](std::int64_t n) {
         report::graph_to_dot(v, {.most_nodes = static_cast<std::size_t>(n)});
       }},
      {"check_gradient",
       [](std::int64_t n) {
         if (n > 9) return;
         check_gradient([](variable of) { return sum(square(of)); }, {xt::xarray<double>{1, 2}},
                        {.directions = static_cast<int>(n)});
       }},
      {"output",
       [](std::int64_t n) {
         tape of;
         const variable w = of.input(float64, {});
         program p(of, {w}, {square(w)});
         p.output(static_cast<std::size_t>(n));
       }},
      {"profile",
       [](std::int64_t n) {
         if (n > 9) return;
         tape of;
         const variable w = of.input(float64, {});
         program p(of, {w}, {square(w)});
         const tensor one({float64, {}});
         const array_view at[] = {one};
         report::profile(p, at, {.runs = static_cast<int>(n)});
       }},
  });
}

TEST(Errors, OfFunctionsThatAreMissingAreOurs) {
  using tests::message_of;
  tape t;
  const variable v = t.input(float32, {2});
  const std::function<variable(variable)> none;
  EXPECT_EQ(message_of([&] { lambda l(none); }), "lambda: the function is empty");
  EXPECT_EQ(message_of([] { layer l(std::shared_ptr<layer_body>{}); }), "layer: there is no body");
  EXPECT_EQ(message_of([] { each_epoch e(nullptr); }), "each_epoch: the function is empty");
  EXPECT_EQ(message_of([] { scheduled_rate s(nullptr); }), "scheduled_rate: no schedule");
  EXPECT_EQ(message_of([] { warm_up(2, nullptr); }), "warm_up: no schedule to follow");
  EXPECT_EQ(message_of([] { dense(2, "tanh", initializer()); }), "dense: the initializer is empty");
  const std::string empty = "custom_gradient: the function or its rule is empty";
  EXPECT_EQ(message_of([&] {
              custom_gradient(nullptr, {v}, [](const auto& in, variable, variable) { return in; });
            }),
            empty);
  EXPECT_EQ(
      message_of([&] { custom_gradient([](const auto& in) { return in[0]; }, {v}, nullptr); }),
      empty);
  EXPECT_EQ(message_of([] { check_gradient(std::function<variable(tape&)>()); }),
            "check_gradient: the function is empty");
  EXPECT_EQ(message_of([] {
              report::sample(nullptr, {0, 1}, {0, 1}, 2);
            }),
            "sample: the function is empty");
  std::ostringstream out;
  progress p(out, {});
  p.update(1, nullptr);
  p.end_epoch();
}

TEST(Errors, OfTextsAreOurs) {
  tape t;
  const variable v = t.input(float32, {2});
  for (const std::string& text :
       {std::string(), std::string("{}"), std::string("{"), std::string("%s%n"),
        std::string(100000, 'x'), std::string("a\0b", 3), std::string("\xff\xfe")}) {
    SCOPED_TRACE(text.substr(0, 20));
    expect_ours({
        {"activate", [&] { activate(text, v); }},
        {"dense", [&] { dense(2, text); }},
        {"loss_function", [&] { loss_function l(text); }},
        {"metric", [&] { metric m(text); }},
        {"optimizer", [&] { trained().compile("mse", text.c_str()); }},
        {"logs", [&] { logs()[text]; }},
        {"history", [&] { history()[text]; }},
        {"csv_table", [&] { csv_table().text(text); }},
        {"early_stopping", [&] { fit({.callbacks = {early_stopping({.monitor = text})}}); }},
        {"rate_on_plateau", [&] { fit({.callbacks = {rate_on_plateau({}, text)}}); }},
        {"best_weights", [&] { best_weights b(text); }},
        {"require",
         [&] {
           t.require(less(sum(v), 0.0f), text);
           program p(t, {v}, {v});
           const tensor two({float32, {2}});
           p.run(std::vector<array_view>{two});
         }},
        {"named", [&] { report::graph_to_dot(square(v).named(text)); }},
        {"figure",
         [&] {
           std::ostringstream out;
           report::write_figure(out, {{text, text, text, {{text, {1, 2}, {}}}, false}},
                                {.title = text});
         }},
    });
  }
}

TEST(Errors, OfUsersFunctionsPassUnchanged) {
  struct mine {};
  sequential m({lambda([](variable) -> variable { throw mine(); })}, 1);
  EXPECT_THROW(m.predict(x), mine);
  EXPECT_THROW(fit({.callbacks = {each_epoch([](training&) { throw std::out_of_range("mine"); })}}),
               std::out_of_range);
  EXPECT_THROW(compile([](variable) -> variable { throw mine(); })(x), mine);
  EXPECT_THROW(report::sample([](double, double) -> double { throw mine(); }, {0, 1}, {0, 1}, 2),
               mine);
  sequential lossy({dense(1)}, 1);
  lossy.compile([](variable, variable) -> variable { throw mine(); }, sgd());
  EXPECT_THROW(lossy.fit(x, y, {.progress = nullptr}), mine);
  EXPECT_THROW(check_gradient([](variable) -> variable { throw mine(); }, {x}), mine);
}

}  // namespace
