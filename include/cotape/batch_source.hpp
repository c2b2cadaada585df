// layer: train
// What a model is trained on: arrays that are in memory, or a source that gives one batch after the
// other.
#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "cotape/xtensor.hpp"

namespace cotape {

/// Arrays that share their rows: one, or a list in braces for several inputs or outputs. Named
/// containers and views are used where they are and must outlive it, and so must the containers in
/// braces; expressions and a temporary that stands alone are kept.
class arrays {
 public:
  arrays() = default;
  template <class A>
  requires(!std::same_as<std::remove_cvref_t<A>, arrays> &&
           std::constructible_from<array_argument, const std::remove_cvref_t<A>&>)
      arrays(A&& array) {
    constexpr bool seen =
        std::is_lvalue_reference_v<A> || std::same_as<std::remove_cvref_t<A>, array_view>;
    add(array_argument(std::as_const(array)), !seen);
  }
  arrays(std::initializer_list<array_argument> list);
  const std::vector<array_view>& views() const { return views_; }

 private:
  void add(const array_argument& array, bool keep);
  std::vector<std::shared_ptr<const tensor>> kept_;
  std::vector<array_view> views_;
};

struct labelled_data {
  arrays x = {}, y = {};
};

/// One batch, with values of its own: what it is given is copied. Several inputs or outputs stand
/// in braces, and the others then too: labelled_batch({a, b}, {y}).
struct labelled_batch {
  labelled_batch(const array_argument& x, const array_argument& y);
  labelled_batch(std::initializer_list<array_argument> x, std::initializer_list<array_argument> y);
  std::vector<tensor> x, y;
};

struct source_options {
  std::string name = {};  // of the data: what a checkpoint knows it by
  std::int64_t rows = 0;  // an epoch; 0: as many as the function gives
};

/// Data that is made or read while the model is trained: a function gives the batch `index`, from 0
/// on, of an epoch, counted over all fits of the model; none ends the epoch.
///
///   batch_source source([&](std::int64_t epoch, std::int64_t index) {
///     return labelled_batch(images(epoch, index), labels(epoch, index));
///   }, {.name = "photos, turned at random", .rows = 1'000'000});
///   m.fit(source, {.epochs = 10});
///
/// The order of the rows, and how they are altered, is the function's, which gives the same batch
/// whenever it is asked for the same one: a resumed training asks for the batch that it goes on
/// with. While a step runs the next batch of its epoch is asked for, on another thread: the
/// function is called once at a time, leaves the model alone, and what it shares with callbacks is
/// guarded. At a fit's beginning it is asked for the first batch; a stopped fit has asked for one
/// more than it trained. What the function throws comes out of fit as it is.
///
/// The same is asked of a source that a model is validated or evaluated on, for epoch 0 alone.
///
/// All batches have the first one's shapes, but where `rows` are told the last has those that are
/// left. Of its data a checkpoint knows the name and the number of rows alone: data of another
/// kind, order or seed gets another name.
class batch_source {
 public:
  using function =
      std::function<std::optional<labelled_batch>(std::int64_t epoch, std::int64_t index)>;
  /// Throws value_error for an empty function or rows below 0.
  explicit batch_source(function f, source_options options = {});
  const source_options& options() const { return options_; }
  std::optional<labelled_batch> operator()(std::int64_t epoch, std::int64_t index) const {
    return f_(epoch, index);
  }

 private:
  function f_;
  source_options options_;
};

}  // namespace cotape
