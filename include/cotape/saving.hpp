// layer: train
// Models as files: their layers, weights and, by choice, what they were compiled with.
//
//   m.save("model.safetensors");
//   model n = load_model("model.safetensors");  // predicts the same bits
//
// A file is one of safetensors (io.hpp): the parameters under their names, which load_parameters
// takes too if there is nothing else, and the layers as JSON in the metadata, under "cotape.model":
// "layers" with kind, name and all options, "nodes" (each an input, or a layer with the earlier
// nodes that it is applied to), "inputs", "outputs", and "terms" of add_loss; the checksum is over
// this text, too. What it does not hold: data, callbacks, and how far a fit has come within an
// epoch, which is a checkpoint's business (callbacks.hpp).
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <string>

#include "cotape/io.hpp"
#include "cotape/model.hpp"

namespace cotape {

/// The model in a file of model::save, with the same bits: layers, names, weights, which of them
/// are trained, the state of its generator. If the file has them also losses, metrics, the
/// optimizer with its state and the epochs that were trained: `fit` then goes on as if there had
/// been no file. Throws io_error as read_safetensors, for a file without a model, one of a later
/// version, and one whose model cannot be made or does not fit its weights. `limits` are of the
/// tensors; beside them only the text of the model takes memory.
model load_model(const std::filesystem::path& file, const layer_kinds& own = {},
                 const read_limits& limits = {}, const char* source = __builtin_FILE(),
                 int line = __builtin_LINE());

}  // namespace cotape
