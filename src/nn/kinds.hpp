// The kinds of layers and optimizers that a file of a model can name.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "nn/options.hpp"

namespace cotape {
class optimizer;
}

namespace cotape::detail {

/// A layer of that kind, as its description tells it; nothing for a kind that is not the library's.
/// Throws value_error for options that are missing, wrong or too many.
std::optional<layer> layer_of_kind(const std::string& kind, const named_texts& options);
/// How a layer tells of one that it was made with: that one's kind, and its options.
inline constexpr const char *inner_kind = "layer", *inner_option = "layer ",
                            *inner_trainable = "layer trainable";  // if it is not
/// The same of the layers behind the functions that join symbols.
std::optional<layer> join_of_kind(const std::string& kind, option_reader& options);

/// The kind of one of the library's optimizers, "adam"; empty for one of the user's.
std::string kind_of(const optimizer& o);
/// An optimizer of that kind. Without options with those by default. Null for another kind.
std::shared_ptr<optimizer> optimizer_of_kind(const std::string& kind,
                                             const std::optional<named_texts>& options = {});
/// "sgd, adagrad, ...".
std::string kinds_of_optimizers();

}  // namespace cotape::detail
