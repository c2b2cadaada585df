// Any bytes, as a file, give a value or an io_error. Built once for each of these readers;
// COTAPE_FUZZED names it.
#include <unistd.h>

#include <cotape/cotape.hpp>
#include <filesystem>
#include <fstream>

#include "fit.hpp"
#include "train/kept_models.hpp"

using namespace cotape;

namespace readers {

using std::filesystem::path;

void idx(const path& file) {
  for (const dtype d : {float32, float64, int64}) read_idx(file, d);
}

void csv(const path& file) {
  const csv_table table = read_csv(file, {.missing = missing_values::drop});
  table.describe();
  for (const std::string& name : table.names()) table.text(name);
  read_csv(file, {.separator = ';', .header = false});
}

void npy(const path& file) { read_npy(file); }

void npz(const path& file) { read_npz(file); }

void safetensors(const path& file) { read_safetensors(file); }

// Files of parameters are told apart by their extension.
void load(const path& file, const char* extension) {
  const path named = path(file) += extension;
  std::filesystem::rename(file, named);
  const parameter w("w", xt::xarray<float>{{1, 2}, {3, 4}}), n("n", std::int64_t{5});
  try {
    load_parameters(named, {w, n});
  } catch (const io_error&) {
    const bool kept = w.value<float>()(1, 1) == 4 && n.value<std::int64_t>()() == 5;
    if (!kept) __builtin_trap();
  }
  std::filesystem::rename(named, file);
}
void parameters(const path& file) {
  load(file, ".safetensors");
  load(file, ".npz");
}

// What the callback `checkpoint` reads, without the writing.
struct resuming : callback {
  explicit resuming(path file) : file_(std::move(file)) {}
  void on_identify(training& t) override { t.restore(read_safetensors(file_), "checkpoint"); }
  path file_;
};
void checkpoint(const path& file) {
  resuming from(file);
  try {
    fuzz::fit(from);
  } catch (const value_error&) {  // with such weights the loss is not finite
  }
}

// The text of a model, in a file whose checksum fits.
void model_text(const path& file) {
  std::ifstream in(file, std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(in), {}};
  const path named = path(file) += ".safetensors";
  fuzz::save_model(named);
  tests::put_text(named, text);
  try {
    load_model(named);
  } catch (const io_error&) {
  }
  std::filesystem::remove(named);
}

}  // namespace readers

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto file =
      std::filesystem::temp_directory_path() / ("cotape_fuzz_" + std::to_string(::getpid()));
  std::ofstream(file, std::ios::binary)
      .write(reinterpret_cast<const char*>(data), static_cast<std::streamsize>(size));
  try {
    readers::COTAPE_FUZZED(file);
  } catch (const io_error&) {
  }
  std::filesystem::remove(file);
  return 0;
}
