// What a fit changes before a step has succeeded, as it was, and the files that it is going to
// write: a fit that ends by then is undone here, and nowhere else.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <utility>
#include <vector>

#include "train/fit_file.hpp"
#include "train/model_body.hpp"
#include "train/trainable_then.hpp"

namespace cotape::detail {

/// What an optimizer held state for.
class slots_then {
 public:
  explicit slots_then(optimizer& of) : of_(of), slots_(of.slots_) {}
  bool differ() const;
  void put_back() const { of_.slots_ = slots_; }

 private:
  optimizer& of_;
  std::vector<optimizer::slots> slots_;
};

class before_fit {
 public:
  /// What is to be trained is kept in `trainable`, which outlives it and is put back by others.
  before_fit(model::body& of, trainable_then& trainable)
      : of_(of),
        trainable_(trainable),
        served_(of.how->served()),
        slots_(*of.how),
        begun_(of.begun),
        epochs_(of.epochs),
        steps_(of.steps),
        warned_(of.warned) {}
  /// The parameters that the optimizer held state for.
  const std::vector<parameter>& served() const { return served_; }
  /// Keeps a parameter's value, and whether it is trainable, unless it has earlier ones.
  void keep(const parameter& p);
  void keep(const std::vector<parameter>& list) {
    for (const parameter& p : list) keep(p);
  }
  void if_refused(std::function<void()> undo) { undo_.push_back(std::move(undo)); }
  /// Writes a file when the fit can be undone no more, unless it is told to once more.
  void write(std::shared_ptr<fit_file> file, prepared_file content);
  /// Writes all files. Whatever may fail is done before the first of them changes.
  void commit();
  void put_back();

 private:
  model::body& of_;
  trainable_then& trainable_;
  std::vector<parameter> served_;
  slots_then slots_;
  decltype(model::body::begun) begun_;
  std::int64_t epochs_, steps_;
  bool warned_;
  std::map<std::uint64_t, std::pair<parameter, tensor>> kept_;  // by number
  std::vector<std::function<void()>> undo_;
  std::vector<std::pair<std::shared_ptr<fit_file>, prepared_file>> files_;
};

}  // namespace cotape::detail
