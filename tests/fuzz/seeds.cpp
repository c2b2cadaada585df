// Writes the files that the fuzzers start from: FOLDER/NAME/..., small and valid.
#include <zlib.h>

#include <cotape/cotape.hpp>
#include <filesystem>
#include <fstream>
#include <random>

#include "fit.hpp"
#include "io/numpy_npz.hpp"
#include "train/kept_models.hpp"

using namespace cotape;

namespace {

using std::filesystem::path;

void write(const path& file, const std::string& content) {
  std::ofstream(file, std::ios::binary) << content;
}

path folder(const path& in, const char* name) {
  std::filesystem::create_directories(in / name);
  return in / name;
}

void write_idx(const path& to) {
  using namespace std::string_literals;
  const std::string bytes = "\0\0\10\2\0\0\0\2\0\0\0\3abcdef"s;
  write(to / "bytes", bytes);
  write(to / "floats", "\0\0\15\1\0\0\0\2\100\0\0\0\300\0\0\0"s);
  const gzFile packed = gzopen((to / "packed").c_str(), "wb");
  gzwrite(packed, bytes.data(), static_cast<unsigned>(bytes.size()));
  gzclose(packed);
}

void write_table(const path& to) {
  write(to / "comma", "x,y,name\n1,2.5,\"a, \"\"b\"\"\"\r\n-3e4,NA,c\n");
  write(to / "semicolon", "\xef\xbb\xbf 1 ; 2\n\n3;\"4\n5\"\n");
}

// A safetensors file without its metadata, so that no checksum hides what comes after it.
void drop_metadata(const path& file) {
  std::ifstream in(file, std::ios::binary);
  std::string content{std::istreambuf_iterator<char>(in), {}};
  const std::size_t begin = content.find("\"__metadata__\""), end = content.find("},", begin) + 2;
  content.replace(begin, end - begin, end - begin, ' ');
  write(file, content);
}

struct keep_state : callback {
  explicit keep_state(path folder) : folder_(std::move(folder)) {}
  // The second fit carries the end of the first on.
  void on_identify(training& t) override {
    if (number_ == 0) return;
    const path last = folder_ / std::to_string(number_ - 1);
    t.restore(read_safetensors(last), last.string());
  }
  void on_safe_point(training& t, bool) override {
    const path file = folder_ / std::to_string(number_++);
    write_safetensors(file, t.snapshot());
    drop_metadata(file);
  }
  path folder_;
  int number_ = 0;
};

}  // namespace

int main(int, char** arguments) {
  const path to = arguments[1];
  write_idx(folder(to, "idx"));
  write_table(folder(to, "csv"));

  const xt::xarray<float> w{{1, -2}, {3, 4}};
  const parameter p("w", w), n("n", std::int64_t{5});
  write_npy(folder(to, "npy") / "matrix", w);
  write_npy(to / "npy" / "number", n);
  const named_views values{{"w", p.view()}, {"n", n.view()}};
  write_npz(folder(to, "npz") / "stored", values);
  write(to / "npz" / "deflated", tests::numpy_npz);
  const path tensors = folder(to, "safetensors");
  for (const auto* name : {"ours", "others"}) write_safetensors(tensors / name, values);
  drop_metadata(tensors / "others");
  for (const auto* from : {"npz/stored", "safetensors/ours", "safetensors/others"}) {
    const path file = folder(to, "parameters") / path(from).filename();
    std::filesystem::copy_file(to / from, file, std::filesystem::copy_options::overwrite_existing);
  }

  const path kept = folder(to, "model_text") / "kept.safetensors";
  fuzz::save_model(kept);
  write(to / "model_text" / "text", tests::text_in(kept));
  std::filesystem::remove(kept);

  keep_state every(folder(to, "checkpoint"));
  fuzz::fit(every);

  std::mt19937 random(1);
  for (int i = 0; i < 20; ++i) {
    std::string bytes(400, ' ');
    for (char& c : bytes) c = static_cast<char>(random());
    write(folder(to, "graph") / std::to_string(i), bytes);
  }
}
