// layer: nn
// The optimizers; the formulas are those of update_rules.hpp.
#pragma once

#include "cotape/optimizer.hpp"

namespace cotape {

struct sgd_options {
  double rate = 0.01;
  double momentum = 0;
  bool nesterov = false;
  gradient_options gradients = {};
};

/// Gradient descent: stochastic if the loss is a batch's. With momentum if that is not 0:
/// sgd_update or nesterov_update.
class sgd : public optimizer {
 public:
  explicit sgd(sgd_options options = {});
  named_texts description() const override;

 protected:
  updated update(variable w, variable g, const std::vector<variable>& state,
                 variable rate) override;

 private:
  sgd_options options_;
};

struct adagrad_options {
  double rate = 0.01;
  double epsilon = 1e-7;
  gradient_options gradients = {};
};

/// adagrad_update; the sums of squares start at 0.
class adagrad : public optimizer {
 public:
  explicit adagrad(adagrad_options options = {});
  named_texts description() const override;

 protected:
  updated update(variable w, variable g, const std::vector<variable>& state,
                 variable rate) override;

 private:
  adagrad_options options_;
};

struct rmsprop_options {
  double rate = 0.001;
  double rho = 0.9;
  double epsilon = 1e-7;
  gradient_options gradients = {};
};

/// rmsprop_update.
class rmsprop : public optimizer {
 public:
  explicit rmsprop(rmsprop_options options = {});
  named_texts description() const override;

 protected:
  updated update(variable w, variable g, const std::vector<variable>& state,
                 variable rate) override;

 private:
  rmsprop_options options_;
};

struct adam_options {
  double rate = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-7;
  gradient_options gradients = {};
};

/// adam_update.
class adam : public optimizer {
 public:
  explicit adam(adam_options options = {});

  std::vector<parameter> state() const override;
  named_texts description() const override;

 protected:
  updated update(variable w, variable g, const std::vector<variable>& state,
                 variable rate) override;
  void begin_step(tape& t) override;
  const adam_options& options() const { return options_; }
  /// The number of the step that is being recorded, from 1.
  const variable& now() const { return now_; }

 private:
  adam_options options_;
  parameter step_;
  variable now_;
};

struct adamw_options {
  double rate = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.999;
  double epsilon = 1e-7;
  double weight_decay = 0.01;
  gradient_options gradients = {};
};

/// adamw_update: weight decay apart from the gradient (whose own option weight_decay adds to it).
class adamw : public adam {
 public:
  explicit adamw(adamw_options options = {});
  named_texts description() const override;

 protected:
  updated update(variable w, variable g, const std::vector<variable>& state,
                 variable rate) override;

 private:
  double weight_decay_;
};

using adamax_options = adam_options;

/// adamax_update.
class adamax : public adam {
 public:
  explicit adamax(adamax_options options = {}) : adam(options) {}

 protected:
  updated update(variable w, variable g, const std::vector<variable>& state,
                 variable rate) override;
};

using nadam_options = adam_options;

/// nadam_update.
class nadam : public adam {
 public:
  explicit nadam(nadam_options options = {});
  std::vector<parameter> state() const override;

 protected:
  updated update(variable w, variable g, const std::vector<variable>& state,
                 variable rate) override;
  void begin_step(tape& t) override;

 private:
  parameter product_;
  variable product_now_;
};

struct adadelta_options {
  double rate = 0.001;
  double rho = 0.95;
  double epsilon = 1e-7;
  gradient_options gradients = {};
};

/// adadelta_update.
class adadelta : public optimizer {
 public:
  explicit adadelta(adadelta_options options = {});
  named_texts description() const override;

 protected:
  updated update(variable w, variable g, const std::vector<variable>& state,
                 variable rate) override;

 private:
  adadelta_options options_;
};

struct lion_options {
  double rate = 0.001;
  double beta1 = 0.9;
  double beta2 = 0.99;
  gradient_options gradients = {};
};

/// lion_update.
class lion : public optimizer {
 public:
  explicit lion(lion_options options = {});
  named_texts description() const override;

 protected:
  updated update(variable w, variable g, const std::vector<variable>& state,
                 variable rate) override;

 private:
  lion_options options_;
};

}  // namespace cotape
