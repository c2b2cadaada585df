// What the writer and the reader of models share: the words of the text that a file keeps. A name
// that changes its meaning, or a new one that a reader must know, raises the version.
#pragma once

namespace cotape::detail::model_file {

constexpr int version = 1;
constexpr const char* extension = ".safetensors";
constexpr const char* optimizer_prefix = "optimizer/";  // of the tensors of its state

// How a parameter is trained: with its layer, not although its layer would be, or frozen with it.
constexpr const char *trained = "trained", *fixed = "fixed", *frozen = "frozen";

}  // namespace cotape::detail::model_file
