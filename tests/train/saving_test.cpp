// Models in files: what save writes load_model makes again, bit for bit, and what no file can hold,
// or a file should not, is refused.
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <cotape/cotape.hpp>
#include <random>
#include <regex>
#include <set>
#include <xtensor/xtensor.hpp>

#include "train/kept_models.hpp"
#include "train/setting.hpp"

namespace {

using namespace cotape;
using namespace cotape::tests;

const array x = {{1, 2}, {3, 4}, {5, 7}};
const column y = {{1}, {0}, {1}};
const fit_options quiet{.epochs = 2, .batch_size = 2, .progress = nullptr};

// A layer with none of its options at its default, and what its file says of them.
struct kept_layer {
  layer made;
  shape row;
  std::string options;
};

std::vector<kept_layer> every_layer() {
  const dense_options of_dense{"tanh",
                               random_normal(0.5, 0.25),
                               true,
                               constant_value(0.5),
                               l1(0.5),
                               l2(0.25),
                               l1_l2(0.5, 0.25),
                               max_norm(3, {0}),
                               unit_norm({0})};
  const std::string of_weights =
      R"-("activation":"tanh","weights":"random_normal(0.5, 0.25)","bias":true,)-"
      R"-("bias_initializer":"constant_value(0.5)","weights_regularizer":"l1(0.5)",)-"
      R"-("bias_regularizer":"l2(0.25)","activity_regularizer":"l1_l2(0.5, 0.25)",)-"
      R"-("weights_constraint":"max_norm(3, [0])","bias_constraint":"unit_norm([0])"})-";
  const auto weighted = [&of_dense](auto options) {
    options.weights = of_dense.weights;
    options.bias_initializer = of_dense.bias_initializer;
    options.weights_regularizer = of_dense.weights_regularizer;
    options.bias_regularizer = of_dense.bias_regularizer;
    options.activity_regularizer = of_dense.activity_regularizer;
    options.weights_constraint = of_dense.weights_constraint;
    options.bias_constraint = of_dense.bias_constraint;
    return options;
  };
  const auto every = weighted(recurrent_options{.activation = "tanh",
                                                .recurrent_activation = "hard_sigmoid",
                                                .recurrent_weights = orthogonal(2),
                                                .unit_forget_bias = false,
                                                .reset_after = false,
                                                .recurrent_regularizer = l1(0.25),
                                                .recurrent_constraint = non_neg(),
                                                .dropout = 0.25,
                                                .recurrent_dropout = 0.5,
                                                .return_sequences = true,
                                                .go_backwards = true});
  recurrent_options stateful = every;
  stateful.stateful = 9;
  const std::string recurrent_text =
      of_weights.substr(0, of_weights.size() - 1) +
      R"-(,"recurrent_activation":"hard_sigmoid","recurrent_weights":"orthogonal(2)",)-"
      R"-("unit_forget_bias":false,"reset_after":false,"recurrent_regularizer":"l1(0.25)",)-"
      R"-("recurrent_constraint":"non_neg","dropout":0.25,"recurrent_dropout":0.5,)-"
      R"-("return_sequences":true,"go_backwards":true,"stateful":)-";
  const auto within = [](const std::string& text) {
    return std::regex_replace(text, std::regex(R"-("(\w+)":)-"), R"-("layer $1":)-");
  };
  auto any = weighted(conv_layer_options{.activation = "tanh"});
  any.strides = 2;
  conv_layer_options thin = any, wide = any, deep = any, same = any;
  thin.padding = {{1, 2}};
  thin.groups = 2;
  wide.padding = {{1, 2}, {0, 1}};
  wide.strides = {2, 1};
  deep.padding = 1;
  same.padding = "same";
  same.data_format = channels_first;
  const auto text_of = [&](const char* strides, const char* padding, int groups,
                           const char* format = "channels_last") {
    return fmt::format(
        R"("strides":{},"padding":{},"dilation":[1],"groups":{},"data_format":"{}",{})", strides,
        padding, groups, format, of_weights);
  };
  const auto of_heads =
      weighted(multi_head_attention_options{.value_dim = 5, .dropout = 0.25, .causal = true});
  const std::string same_text = text_of("[2]", R"("same")", 1, "channels_first");
  conv_layer_options wider = same;
  wider.padding = {1, 2};
  wider.strides = 1;
  wider.dilation = {1, 2};
  const pool_options pools{1, "same", 2, channels_first};
  const std::string pool_text = R"({"size":[3],"strides":[1],"padding":"same","dilation":[2],)"
                                R"("data_format":"channels_first"})";
  const shape line{8, 4}, image{8, 8, 4}, volume{4, 4, 4, 1};
  return {
      {dense(3, of_dense), {4}, R"({"units":3,)" + of_weights},
      {activation("relu6"), {4}, R"({"name":"relu6"})"},
      {flatten(), {2, 3}, "{}"},
      {dropout(0.25), {4}, R"({"rate":0.25})"},
      {conv1d(2, 3, thin), line, R"({"filters":2,"size":[3],)" + text_of("[2]", "[[1, 2]]", 2)},
      {conv2d(2, {3, 2}, wide), image,
       R"({"filters":2,"size":[3, 2],)" + text_of("[2, 1]", "[[1, 2], [0, 1]]", 1)},
      {conv3d(2, 2, deep), volume, R"({"filters":2,"size":[2],)" + text_of("[2]", "[[1, 1]]", 1)},
      {conv1d_transpose(2, 3, same), line, R"({"filters":2,"size":[3],)" + same_text},
      {conv2d_transpose(2, 3, same), image, R"({"filters":2,"size":[3],)" + same_text},
      {conv3d_transpose(2, 3, same), volume, R"({"filters":2,"size":[3],)" + same_text},
      {depthwise_conv1d(3, 2, same), line, R"({"size":[3],"multiplier":2,)" + same_text},
      {depthwise_conv2d(3, 2, wider), image,
       R"({"size":[3],"multiplier":2,"strides":[1],"padding":[1, 2],"dilation":[1, 2],)"
       R"("groups":1,"data_format":"channels_first",)" +
           of_weights},
      {separable_conv1d(3, 3, same, 2), line,
       R"({"filters":3,"size":[3],"multiplier":2,)" + same_text},
      {separable_conv2d(3, 3, same, 2), image,
       R"({"filters":3,"size":[3],"multiplier":2,)" + same_text},
      {max_pooling1d(3, pools), line, pool_text},
      {max_pooling2d(3, pools), image, pool_text},
      {max_pooling3d(3, pools), volume, pool_text},
      {average_pooling1d(3, pools), line, pool_text},
      {average_pooling2d({3, 2}), image,
       R"({"size":[3, 2],"strides":[],"padding":"valid","dilation":[1],)"
       R"("data_format":"channels_last"})"},
      {average_pooling3d(3, pools), volume, pool_text},
      {adaptive_max_pooling({2, 3}), image, R"({"sizes":[2, 3]})"},
      {adaptive_average_pooling(3), image, R"({"sizes":[3]})"},
      {global_max_pooling(channels_first), image, R"({"data_format":"channels_first"})"},
      {global_average_pooling(channels_first), image, R"({"data_format":"channels_first"})"},
      {batch_normalization({0.9, 1e-5, false, true}), image,
       R"({"momentum":0.9,"epsilon":1e-05,"center":false,"scale":true})"},
      {layer_normalization({axes{1, 2}, 1e-5, true, false}), image,
       R"({"over":[1, 2],"epsilon":1e-05,"center":true,"scale":false})"},
      {group_normalization(2, {1e-5, false, false}), image,
       R"({"groups":2,"epsilon":1e-05,"center":false,"scale":false})"},
      {rms_normalization(axes{-1, -2}, 1e-5), image, R"({"over":[-1, -2],"epsilon":1e-05})"},
      {prelu({1, 2}), image, R"({"shared_axes":[1, 2]})"},
      {gaussian_noise(0.5), {4}, R"({"deviation":0.5})"},
      {spatial_dropout(0.5), image, R"({"rate":0.5})"},
      {alpha_dropout(0.5), {4}, R"({"rate":0.5})"},
      {zero_padding1d({{1, 2}}), line, R"({"zeros":[[1, 2]]})"},
      {zero_padding2d({{1, 2}, {3, 4}}), image, R"({"zeros":[[1, 2], [3, 4]]})"},
      {zero_padding3d(2), volume, R"({"zeros":[[2, 2]]})"},
      {cropping1d({{1, 2}}), line, R"({"elements":[[1, 2]]})"},
      {cropping2d({{1, 2}, {3, 4}}), image, R"({"elements":[[1, 2], [3, 4]]})"},
      {cropping3d(1), volume, R"({"elements":[[1, 1]]})"},
      {up_sampling1d(3), line, R"({"size":[3]})"},
      {up_sampling2d({2, 3}, "bilinear"), image, R"({"size":[2, 3],"method":"bilinear"})"},
      {up_sampling3d({2, 1, 3}), volume, R"({"size":[2, 1, 3]})"},
      {resizing({2, 3}, "nearest"), image, R"({"sizes":[2, 3],"method":"nearest"})"},
      {to_shape({4, -1}), image, R"({"row":[4, -1]})"},
      {permute({3, 1, 2}), image, R"({"order":[3, 1, 2]})"},
      {embedding(9, 3,
                 {.weights = of_dense.weights,
                  .weights_regularizer = l1(0.5),
                  .activity_regularizer = l2(0.25),
                  .weights_constraint = max_norm(3, {0}),
                  .mask_zero = true}),
       {4},
       R"-({"inputs":9,"outputs":3,"weights":"random_normal(0.5, 0.25)",)-"
       R"-("weights_regularizer":"l1(0.5)","activity_regularizer":"l2(0.25)",)-"
       R"-("weights_constraint":"max_norm(3, [0])","mask_zero":true})-"},
      {simple_rnn(2, every), line, R"({"units":2,)" + recurrent_text + "0}"},
      {lstm(2, every), line, R"({"units":2,)" + recurrent_text + "0}"},
      {gru(2, stateful), line, R"({"units":2,)" + recurrent_text + "9}"},
      {bidirectional(lstm(2, every), "mul"), line,
       R"({"merge":"mul","layer":"lstm","layer units":2,)" + within(recurrent_text) + "0}"},
      {time_distributed(time_distributed(flatten())), volume,
       R"({"layer":"time_distributed","layer layer":"flatten"})"},
      {repeat_vector(3), {4}, R"({"n":3})"},
      {masking(0.5), line, R"({"value":0.5})"},
      {multi_head_attention(2, 3, of_heads), line,
       R"({"heads":2,"key_dim":3,"value_dim":5,"dropout":0.25,"causal":true,)" +
           of_weights.substr(of_weights.find(R"("weights")"))},
      {position_embedding(9, ones), line, R"({"max_length":9,"weights":"ones"})"},
  };
}

tensor rows_for(const shape& row, bool of_indices) {
  std::vector<std::int64_t> sizes{2};
  sizes.insert(sizes.end(), row.begin(), row.end());
  const shape s(sizes);
  return of_indices ? tensor({float32, s}) : generator(5).normal(s);
}

TEST(Saving, KeepsEveryKindOfLayerWithAllItsOptions) {
  const own_file file;
  std::set<std::string> kinds;
  for (const kept_layer& l : every_layer()) {
    const std::string kind = l.made.body().kind();
    SCOPED_TRACE(kind);
    kinds.insert(kind);
    const auto in = input(l.row);
    model m(in, l.made(in));
    m.save(file.at);
    EXPECT_NE(text_in(file.at).find("\"options\":" + l.options), std::string::npos)
        << text_in(file.at);
    const std::string first = bytes_of(file.at);
    model n = load_model(file.at);
    n.save(file.at);
    EXPECT_EQ(first, bytes_of(file.at));
    const tensor rows = rows_for(l.row, kind == "embedding");
    EXPECT_TRUE(same_bits(m.predict(rows), n.predict(rows)));
  }
  for (const std::string& name : classes_of_layers(COTAPE_SOURCE_DIR)) {
    EXPECT_TRUE(kinds.contains(name) || name == "lambda") << name << " is not among them";
  }
}

TEST(Saving, KeepsEveryInitializer) {
  const own_file file;
  const std::vector<std::pair<initializer, std::string>> every{
      {glorot_uniform, "glorot_uniform"},
      {glorot_normal, "glorot_normal"},
      {he_uniform, "he_uniform"},
      {he_normal, "he_normal"},
      {lecun_uniform, "lecun_uniform"},
      {lecun_normal, "lecun_normal"},
      {zeros, "zeros"},
      {ones, "ones"},
      {random_normal(0, 0.1), "random_normal(0, 0.1)"},
      {random_uniform(-1, 0.5), "random_uniform(-1, 0.5)"},
      {truncated_normal(1, 0.1), "truncated_normal(1, 0.1)"},
      {constant_value(1e-300), "constant_value(1e-300)"},
      {orthogonal(2), "orthogonal(2)"},
      {identity_matrix(2), "identity_matrix(2)"},
      // The weights are in the file: a function of one's own is no obstacle.
      {[](generator&, const shape& s) {
         return tensor({float64, s});
       },
       "a function"}};
  for (const auto& [first, text] : every) {
    sequential m{input({2}), dense(2, {.weights = first, .weights_constraint = non_neg()})};
    m.save(file.at);
    EXPECT_NE(text_in(file.at).find("\"weights\":\"" + text + "\""), std::string::npos);
    EXPECT_NE(text_in(file.at).find(R"("weights_constraint":"non_neg")"), std::string::npos);
    EXPECT_TRUE(same(bits_of(m), bits_of(load_model(file.at))));
  }
}

// Several inputs and outputs, every join, a layer that stands twice, parts, integers.
model a_network() {
  const auto a = input({4}), b = input({4}, float32, "b"), words = input({3}, int64);
  sequential encoder{input({4}), dense(4, "tanh"), dropout(0.5)};
  encoder.set_name("encoder");
  const dense twice(4);
  const auto p = encoder(a), q = twice(b), r = twice(p);
  const auto joined =
      concatenate({add({p, q}), multiply({p, r}), maximum({p, q}), minimum({p, q}),
                   average({p, q, r}), subtract({q, r}), dot({p, q}, {.normalize = true})},
                  1);
  const auto h = dense(2)(joined);
  model m({a, b, words}, {h, activation("identity")(words)}, 7);
  m.add_loss(activation("tanh")(h), "slope");
  return m;
}

TEST(Saving, KeepsNetworks) {
  const own_file file;
  model m = a_network();
  m.random().uniform({3});
  m.layer("dense").set_trainable(false);
  m.parameters()[0].set_trainable(false);
  m.layer("dense").parameters()[1].set_trainable(true);
  m.save(file.at);
  const std::string first = bytes_of(file.at);
  model n = load_model(file.at);
  n.save(file.at);
  EXPECT_EQ(first, bytes_of(file.at));
  EXPECT_EQ(m.summary(), n.summary());
  for (std::size_t i = 0; i < m.parameters().size(); ++i) {
    EXPECT_EQ(m.parameters()[i].trainable(), n.parameters()[i].trainable()) << i;
  }
  const xt::xtensor<float, 2> a = {{1, 2, 3, 4}}, b = {{4, 3, 2, -1}};
  const xt::xtensor<std::int64_t, 2> words = {{1, 2, 3}};
  EXPECT_TRUE(same(m.predict_all({a, b, words}), n.predict_all({a, b, words})));
  const loss_function of_words = [](variable p, variable) { return sum(cast(p, float32)); };
  m.compile({"mse", of_words}, sgd());
  n.compile({"mse", of_words}, sgd());
  const xt::xtensor<float, 2> t = {{1, 0}}, u = {{0, 0, 0}};
  EXPECT_EQ(m.evaluate({a, b, words}, {t, u})["loss"], n.evaluate({a, b, words}, {t, u})["loss"]);
  // What was frozen on its own stays so when the layer thaws.
  n.layer("dense").set_trainable(true);
  EXPECT_TRUE(n.layer("dense").parameters()[0].trainable());
  EXPECT_FALSE(n.parameters()[0].trainable());
}

TEST(Saving, FilesAreThoseOfParametersToo) {
  const own_file file;
  sequential m{input({2}), dense(3, "tanh"), dense(1)}, n{input({2}), dense(3), dense(1)};
  m.save(file.at);
  load_parameters(file.at, n.parameters());
  EXPECT_TRUE(same(bits_of(m), bits_of(n)));
}

TEST(Saving, AfterDataHaveToldTheRows) {
  const own_file file;
  sequential m{dense(3, "tanh"), batch_normalization(), dense(1)};
  expect_error<value_error>([&] { m.save(file.at); }, "input's shape is not known yet");
  EXPECT_FALSE(std::filesystem::exists(file.at));
  const tensor p = m.predict(x);
  m.save(file.at);
  EXPECT_TRUE(same_bits(p, load_model(file.at).predict(x)));
}

// Each optimizer: two epochs and two after a file are four.
TEST(Saving, ATrainingGoesOn) {
  const own_file file;
  const std::vector<std::function<optimizer_argument()>> optimizers{
      [] { return sgd({.rate = 0.1}); },
      [] {
        return sgd({.rate = 0.1, .momentum = 0.5, .nesterov = true, .gradients = {0.5, 2, 0.1}});
      },
      [] { return adagrad({.rate = 0.1, .epsilon = 1e-3}); },
      [] { return rmsprop({.rate = 0.1, .rho = 0.5, .epsilon = 1e-3}); },
      [] { return adam({.rate = 0.1, .beta1 = 0.5, .beta2 = 0.6, .epsilon = 1e-3}); },
      [] {
        return adamw({0.1, 0.5, 0.6, 1e-3, 0.5});
      },
      [] { return adamax({.rate = 0.1, .beta1 = 0.5, .beta2 = 0.6, .epsilon = 1e-3}); },
      [] { return nadam({.rate = 0.1, .beta1 = 0.5, .beta2 = 0.6, .epsilon = 1e-3}); },
      [] { return adadelta({.rate = 0.5, .rho = 0.5, .epsilon = 1e-3}); },
      [] { return lion({.rate = 0.01, .beta1 = 0.5, .beta2 = 0.6}); }};
  for (std::size_t i = 0; i < optimizers.size(); ++i) {
    SCOPED_TRACE(i);
    const auto make = [&] {
      sequential m({input({2}), dense(8, "tanh"), dropout(0.5), batch_normalization(), dense(1)},
                   3);
      m.compile("mse", optimizers[i](), {"mae", "r2"});
      return m;
    };
    sequential whole = make(), halves = make();
    whole.fit(x, y, quiet);
    const history of_whole = whole.fit(x, y, quiet);
    halves.fit(x, y, quiet);
    halves.save(file.at, {.optimizer = true});
    const std::string first = bytes_of(file.at);
    model loaded = load_model(file.at);
    loaded.save(file.at, {.optimizer = true});
    EXPECT_EQ(first, bytes_of(file.at));
    const history of_loaded = loaded.fit(x, y, quiet);
    EXPECT_TRUE(same(bits_of(whole), bits_of(loaded)));
    EXPECT_EQ(of_whole["mae"], of_loaded["mae"]);
    EXPECT_EQ(of_whole["loss"], of_loaded["loss"]);
  }
}

TEST(Saving, AtTheEndOfAnEpochATrainingGoesOnToo) {
  const own_file file;
  sequential m({input({2}), dense(4, "tanh"), dense(1)}, 1);
  m.compile("mse", adam({.rate = 0.1}));
  fit_options options{.epochs = 4, .batch_size = 1, .progress = nullptr};
  const auto keep = std::make_shared<calling>("on_epoch_end", [&](training& t) {
    if (t.epoch <= 2) m.save(file.at, {.optimizer = true});
  });
  options.callbacks = {given<callback>(keep)};
  m.fit(x, y, options);
  model n = load_model(file.at);
  n.fit(x, y, {.epochs = 2, .batch_size = 1, .progress = nullptr});
  EXPECT_TRUE(same(bits_of(m), bits_of(n)));
}

// A layer of one's own, whose parameter is not made by the library.
class scaling : public layer_body {
 public:
  explicit scaling(std::string first) : first_(std::move(first)) {}
  const char* kind() const override { return "scaling"; }
  std::optional<named_texts> description() const override { return named_texts{{"first", first_}}; }
  variable record(std::span<const variable> in, mode, generator&) override {
    if (parameters.empty()) parameters.emplace_back(name + "/factor", std::stof(first_));
    return in[0] * parameters[0];
  }

 private:
  std::string first_;
};

TEST(Saving, TakesLayersOfOnesOwn) {
  const own_file file;
  sequential m{input({2}), layer(std::make_shared<scaling>("2")), dense(1)};
  m.parameters()[0].set(3.0F);
  m.save(file.at);
  EXPECT_EQ(message_of([&] { load_model(file.at); }),
            "load_model: " + file.at.string() +
                ": its model: the layer 'scaling' is of the kind 'scaling', which is not the "
                "library's: give load_model a function that makes it");
  const auto make = [](const named_texts& options) {
    return layer(std::make_shared<scaling>(options.at(0).second));
  };
  EXPECT_TRUE(same_bits(m.predict(x), load_model(file.at, {{"scaling", make}}).predict(x)));
  EXPECT_THROW(load_model(file.at, {{"scaling", nullptr}}), io_error);
  // One that the user holds is as good as before when another cannot be made.
  const dense kept(1);
  const auto refuse = [&](const named_texts&) -> layer { throw value_error("my own reason"); };
  expect_error<io_error>(
      [&] {
        load_model(file.at,
                   {{"scaling", refuse}, {"dense", [&](const named_texts&) { return kept; }}});
      },
      "the layer 'scaling' of the kind 'scaling': my own reason");
  m = sequential{input({2}), kept.named("a"), layer(std::make_shared<scaling>("2"))};
  m.save(file.at);
  const dense held(1);
  expect_error<io_error>(
      [&] {
        load_model(file.at,
                   {{"scaling", refuse}, {"dense", [&](const named_texts&) { return held; }}});
      },
      "my own reason");
  EXPECT_NO_THROW((sequential{input({2}), held}.predict(x)));
}

TEST(Saving, RefusesWhatNoFileCanHold) {
  const own_file file;
  const auto refused = [&](sequential m, const save_options& options, const std::string& why) {
    expect_error<value_error>([&] { m.save(file.at, options); }, why);
    EXPECT_FALSE(std::filesystem::exists(file.at));
  };
  const auto own = [](variable w) { return sum(w); };
  refused({input({2}), lambda([](variable v) { return v * 2; })}, {},
          "save: no file can hold the layer 'lambda': it is a function");
  refused({input({2}), dense(1, {.weights_regularizer = own})}, {},
          "save: the layer 'dense': the option 'weights_regularizer' is a function of your own");
  refused({input({2}), dense(1, {.bias_constraint = own})}, {}, "the option 'bias_constraint'");
  refused({input({2}), dense(1)}, {.optimizer = true}, "save: the model is not compiled");
  const auto compiled = [&](const loss_function& loss, const optimizer_argument& how,
                            std::vector<metric> metrics) {
    sequential m{input({2}), dense(1)};
    m.compile(loss, how, std::move(metrics));
    return m;
  };
  const auto difference = [](variable p, variable t) { return mean(abs(p - t)); };
  struct own_rule : sgd {};
  const save_options all{.optimizer = true};
  refused(compiled(difference, sgd(), {}), all, "save: no file can hold a loss of your own");
  refused(compiled("mse", sgd(), {metric("mae", difference)}), all,
          "save: no file can hold the metric 'mae'");
  refused(compiled("mse", own_rule(), {}), all, "save: no file can hold an optimizer of your own");
  struct dense_of_mine : scaling {
    using scaling::scaling;
    const char* kind() const override { return "flatten"; }
    std::optional<named_texts> description() const override { return named_texts{}; }
  };
  refused({input({2}), layer(std::make_shared<dense_of_mine>("2"))}, {},
          "save: the layer 'flatten': it is one of your own, but its kind 'flatten' is one of the "
          "library's: let kind() tell another");
  sequential first{input({2}), dense(1)};
  adam how;
  first.compile("mse", how);
  first.fit(x, y, quiet);
  refused(compiled("mse", how, {}), all,
          "save: the optimizer holds state of 'dense/weight', which is no parameter of this model");
  tape t;
  how.accumulate(sum(first(t.constant(xt::xtensor<float, 2>(x)))));
  expect_error<value_error>([&] { first.save(file.at, all); },
                            "save: the optimizer holds gradients that were accumulated");
  sequential m{input({2}), dense(1)};
  expect_error<value_error>([&] { m.save(file.folder / "m.npz"); },
                            "models are kept in .safetensors, not in '.npz'");
  expect_error<value_error>([&] { sequential().save(file.at); }, "the model has no layers");
}

TEST(Saving, RefusesFilesThatAreNone) {
  const own_file file;
  const auto refused = [&](const std::string& why) {
    expect_error<io_error>([&] { load_model(file.at); }, "load_model: " + file.at.string());
    expect_error<io_error>([&] { load_model(file.at); }, why);
  };
  refused("there is no such file");
  sequential m{input({2}), dense(3, "tanh"), dense(1)};
  save_parameters(file.at, m.parameters());
  refused("it holds no model, only tensors, which load_parameters reads");
  m.compile("mse", adam());
  m.fit(x, y, quiet);
  m.save(file.at, {.optimizer = true});
  const std::string good = text_in(file.at);
  const auto refused_with = [&](const std::string& from, const std::string& to,
                                const std::string& why) {
    ASSERT_NE(good.find(from), std::string::npos) << from;
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    put_text(file.at, text);
    SCOPED_TRACE(text);
    refused(why);
  };
  refused_with(R"("version":1)", R"("version":2)",
               "it is of version 2, this library reads up to 1");
  refused_with(R"("version":1)", R"("version":1,"more":1)", "it has an unknown 'more'");
  refused_with(R"("version":1,)", "", "it has no 'version'");
  refused_with(R"("version":1)", R"("version":1,"version":1)", "it holds 'version' twice");
  refused_with(R"("version":1)", R"("version":null)", "it holds null");
  refused_with("{", "{{", "it is no JSON at byte");
  refused_with(R"("seed":0)", R"("seed":)" + std::string(20, '[') + std::string(20, ']'),
               "it is over 16 levels deep");
  refused_with(R"("kind":"dense")", R"("kind":"denser")", "of the kind 'denser'");
  refused_with(R"("units":3)", R"("units":0)",
               "its model: the layer 'dense' of the kind 'dense': dense: 0 units");
  refused_with(R"("units":3)", R"("units":"3x")", "the option 'units': '3x' is no whole number");
  refused_with(
      R"("units":3)", R"("units":1000000000)",
      "'dense/weight' is float32 (2, 3) in it, but its model takes float32 (2, 1000000000)");
  refused_with(R"("units":3,)", "", "the option 'units' is not there");
  refused_with(R"("units":3)", R"("units":3,"size":3)", "it has no option 'size'");
  refused_with(R"("bias":true)", R"("bias":1)", "'1' is no truth value");
  refused_with(R"("weights":"glorot_uniform")", R"-("weights":"glorot_uniform(1)")-",
               "'glorot_uniform(1)' is no initializer");
  refused_with(R"("weights_regularizer":"none")", R"-("weights_regularizer":"l2(x)")-",
               "'x' is no number");
  refused_with(R"("name":"dense_1")", R"("name":"dense")", "two layers are named 'dense'");
  refused_with(R"("layer":0)", R"("layer":2)", "node 1 has no 'layer', or none that makes sense");
  refused_with(R"("from":[0])", R"("from":[1])", "node 1 has no 'from'");
  refused_with(R"("from":[0])", R"("from":[])", "node 1 has no 'from'");
  refused_with(R"("from":[0])", R"("from":[0],"part":0)", "node 1 has no 'part'");
  refused_with(R"("inputs":[0])", R"("inputs":[])", "it has no 'inputs'");
  refused_with(R"("inputs":[0])", R"("inputs":[1])", "it has no 'inputs'");
  refused_with(R"("outputs":[2])", R"("outputs":[3])", "it has no 'outputs'");
  refused_with(R"("outputs":[2])", R"("outputs":[])", "it has no 'outputs'");
  refused_with(R"("terms":[])", R"("terms":[{"node":3,"name":"t"}])", "term 0 has no 'node'");
  refused_with(R"("terms":[])", R"("terms":[1])", "term 0 is no object");
  refused_with(R"("row":[2])", R"("row":[3])", "but its model takes float32 (3, 3)");
  refused_with(R"("row":[2])", R"("row":[-2])", "shape");
  refused_with(R"("dtype":"float32")", R"("dtype":"float16")", "node 0 has no 'dtype'");
  refused_with(R"("dense/bias":"trained")", R"("dense/bias":"trained","z":"fixed")",
               "the layer 'dense' has other parameters");
  refused_with(R"("losses":["mean_squared_error"])", R"("losses":["mean"])", "no loss 'mean'");
  refused_with(R"("losses":["mean_squared_error"])", R"("losses":[])", "the training has no 'loss");
  refused_with(R"("kind":"adam")", R"("kind":"adamant")", "no optimizer 'adamant'");
  refused_with(R"("kind":"adam")", R"("kind":"sgd")", "it has no option 'beta1'");
  refused_with(R"("beta1":0.9)", R"("beta1":2)", "adam: beta 2 not in [0, 1)");
  refused_with(R"("epochs":2)", R"("epochs":-2)", "the training has no 'epochs'");
  refused_with(R"("steps":4)", R"("steps":9000000000000000000)", "the training has no 'steps'");
  refused_with(R"("dense/bias":"trained")", R"("dense/bias":"banana")",
               "layer 0 has no 'parameters', or none that makes sense");
  refused_with(R"("layer":1)", R"("layer":0)", "it has no 'nodes', or none that makes sense");
  std::string many;
  for (int i = 0; i < 200'000; ++i) many += fmt::format("\"{}\":1,", i);
  refused_with(R"("version":1)", many + R"("version":1)", "it has an unknown '0'");
  // What a file does not have, since it is older than the option, is as by default.
  std::string older = good;
  older.replace(older.find(R"("bias":true,)"), std::string(R"("bias":true,)").size(), "");
  put_text(file.at, older);
  EXPECT_TRUE(same(bits_of(m), bits_of(load_model(file.at))));
  put_text(file.at, std::regex_replace(good, std::regex(",\"training\".*"), "}"));
  refused("it also holds 'optimizer/dense/bias/state0'");
  m.fit(x, y, {.callbacks = {checkpoint(file.folder / "d.safetensors")}, .progress = nullptr});
  expect_error<io_error>([&] { load_model(file.folder / "d.safetensors"); },
                         "it holds the state of a fit, from which the callback checkpoint goes on");
}

// Whatever stands in a file: an error of ours, or a model.
TEST(Saving, SurvivesEveryText) {
  const own_file file;
  model m = a_network();
  m.compile("mse", adam());
  m.save(file.at, {.optimizer = true});
  const std::string good = text_in(file.at), words = "0123456789[]{}\",:-e. truefalsn";
  std::mt19937 random(3);
  std::size_t loaded = 0, refused = 0;
  for (int i = 0; i < 3000; ++i) {
    std::string text = good;
    for (auto n = 1 + random() % 2; n > 0; --n) {
      const auto at = random() % text.size();
      if (random() % 3 == 0) text.erase(at, 1 + random() % 3);
      else text[at] = words[random() % words.size()];
    }
    put_text(file.at, text);
    try {
      load_model(file.at);
      ++loaded;
    } catch (const io_error&) {
      ++refused;
    }
  }
  EXPECT_GT(loaded, 30U);
  EXPECT_GT(refused, 1000U);
}

// A training that goes on from the file treats them so too.
TEST(Saving, KeepsTheGroupsOfAnOptimizer) {
  const own_file file;
  sequential m({dense(2, "tanh"), dense(1)});
  m.compile("mse", adamw({.rate = 0.1,
                          .weight_decay = 0.5,
                          .gradients = {.groups = {{.names = {"bias", "1/we"}, .decay_factor = 0},
                                                   {.names = {"dense"}, .rate_factor = 0.125}}}}));
  m.fit(x, y, quiet);
  m.save(file.at, {.optimizer = true});
  model n = load_model(file.at);
  m.fit(x, y, quiet);
  n.fit(x, y, quiet);
  EXPECT_TRUE(same(bits_of(m), bits_of(n)));
}

// Where normalization is frozen within another layer and has no weights, nothing else tells it.
TEST(Saving, KeepsWhatIsFrozenWithinOthers) {
  const batch_normalization inner({.center = false, .scale = false});
  inner.set_trainable(false);
  sequential n{input({5, 4}), time_distributed(inner), flatten(), dense(1)};
  n.compile("mse", sgd());
  const own_file file;
  n.save(file.at, {.optimizer = true});
  model loaded = load_model(file.at);
  const xt::xarray<float> rows = xt::reshape_view(xt::arange<float>(80), {4, 5, 4}) / 40,
                          targets = xt::ones<float>({4, 1});
  const fit_options two{.epochs = 2, .progress = nullptr};
  EXPECT_EQ(n.fit(rows, targets, two).csv(), loaded.fit(rows, targets, two).csv());
}

TEST(Saving, TakesInitializersOfOnesOwnForPositionsToo) {
  const initializer own = [](generator& g, const shape& s) { return random_normal(0, 0.1)(g, s); };
  sequential m{input({5, 4}), position_embedding(5, own), flatten()};
  const own_file file;
  m.save(file.at);
  model n = load_model(file.at);
  const xt::xarray<float> rows = xt::ones<float>({2, 5, 4});
  EXPECT_EQ(m.predict<float>(rows), n.predict<float>(rows));
}

}  // namespace
