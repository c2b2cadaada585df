// The options of each struct of options, by their names in files of models: one list, by which they
// are written and read (options.hpp). A new option gets a line here; older files, which do not have
// it, leave it at its default. Names and meanings stay as they are.
#pragma once

#include "cotape/attention_layers.hpp"
#include "cotape/joins.hpp"
#include "cotape/normalization_layers.hpp"
#include "cotape/optimizers.hpp"
#include "cotape/sequence_layers.hpp"
#include "cotape/vision_layers.hpp"
#include "nn/options.hpp"

namespace cotape::detail {

template <class A, class Options> void fields_of_matrices(A& a, Options& o) {
  a("weights", o.weights);
  a("bias", o.bias);
  a("bias_initializer", o.bias_initializer);
  a("weights_regularizer", o.weights_regularizer);
  a("bias_regularizer", o.bias_regularizer);
  a("activity_regularizer", o.activity_regularizer);
  a("weights_constraint", o.weights_constraint);
  a("bias_constraint", o.bias_constraint);
}

template <class A, class Options> void fields_of_weights(A& a, Options& o) {
  a("activation", o.activation);
  fields_of_matrices(a, o);
}

template <class A, class Options> void fields_of_windows(A& a, Options& o) {
  a("strides", o.strides);
  a("padding", o.padding);
  a("dilation", o.dilation);
}

template <class A, class Options> void fields_of_scaling(A& a, Options& o) {
  a("epsilon", o.epsilon);
  a("center", o.center);
  a("scale", o.scale);
}

template <class A> void fields(A& a, dense_options& o) { fields_of_weights(a, o); }

template <class A> void fields(A& a, multi_head_attention_options& o) {
  a("value_dim", o.value_dim);
  a("dropout", o.dropout);
  a("causal", o.causal);
  fields_of_matrices(a, o);
}

template <class A> void fields(A& a, conv_layer_options& o) {
  fields_of_windows(a, o);
  a("groups", o.groups);
  a("data_format", o.data_format);
  fields_of_weights(a, o);
}

template <class A> void fields(A& a, embedding_options& o) {
  a("weights", o.weights);
  a("weights_regularizer", o.weights_regularizer);
  a("activity_regularizer", o.activity_regularizer);
  a("weights_constraint", o.weights_constraint);
  a("mask_zero", o.mask_zero);
}

template <class A> void fields(A& a, recurrent_options& o) {
  fields_of_weights(a, o);
  a("recurrent_activation", o.recurrent_activation);
  a("recurrent_weights", o.recurrent_weights);
  a("unit_forget_bias", o.unit_forget_bias);
  a("reset_after", o.reset_after);
  a("recurrent_regularizer", o.recurrent_regularizer);
  a("recurrent_constraint", o.recurrent_constraint);
  a("dropout", o.dropout);
  a("recurrent_dropout", o.recurrent_dropout);
  a("return_sequences", o.return_sequences);
  a("go_backwards", o.go_backwards);
  a("stateful", o.stateful);
}

template <class A> void fields(A& a, pool_options& o) {
  fields_of_windows(a, o);
  a("data_format", o.data_format);
}

template <class A> void fields(A& a, batch_normalization_options& o) {
  a("momentum", o.momentum);
  fields_of_scaling(a, o);
}

template <class A> void fields(A& a, layer_normalization_options& o) {
  a("over", o.over);
  fields_of_scaling(a, o);
}

template <class A> void fields(A& a, group_normalization_options& o) { fields_of_scaling(a, o); }

template <class A> void fields(A& a, dot_options& o) {
  a("first axis", o.axes[0]);
  a("second axis", o.axes[1]);
  a("normalize", o.normalize);
}

// The rates of optimizers are kept with their state, and checkpoints compare the rest by these
// names.
template <class A> void fields(A& a, gradient_options& o) {
  a("clip_value", o.clip_value);
  a("clip_norm", o.clip_norm);
  a("weight_decay of gradients", o.weight_decay);
  a("groups", o.groups);
}

template <class A> void fields(A& a, sgd_options& o) {
  fields(a, o.gradients);
  a("momentum", o.momentum);
  a("nesterov", o.nesterov);
}

template <class A> void fields(A& a, adagrad_options& o) {
  fields(a, o.gradients);
  a("epsilon", o.epsilon);
}

template <class A, class Options> void fields_of_squares(A& a, Options& o) {
  fields(a, o.gradients);
  a("rho", o.rho);
  a("epsilon", o.epsilon);
}

template <class A> void fields(A& a, rmsprop_options& o) { fields_of_squares(a, o); }

template <class A, class Options> void fields_of_adam(A& a, Options& o) {
  fields(a, o.gradients);
  a("beta1", o.beta1);
  a("beta2", o.beta2);
  a("epsilon", o.epsilon);
}

template <class A> void fields(A& a, adam_options& o) { fields_of_adam(a, o); }

template <class A> void fields(A& a, adamw_options& o) {
  fields_of_adam(a, o);
  a("weight_decay of weights", o.weight_decay);
}

template <class A> void fields(A& a, adadelta_options& o) { fields_of_squares(a, o); }

template <class A> void fields(A& a, lion_options& o) {
  fields(a, o.gradients);
  a("beta1", o.beta1);
  a("beta2", o.beta2);
}

}  // namespace cotape::detail
