// The ratios as a picture, drawn by gnuplot: cases along x, a mark an engine, one panel a number of
// threads.
#include <fmt/format.h>

#include <csignal>
#include <cstdio>
#include <set>

#include "cases.hpp"
#include "machine.hpp"
#include "output.hpp"

namespace bench {
namespace {

// Colours that the colour-blind can tell apart (Okabe and Ito); side by side.
struct style {
  const char *engine, *colour;
  int mark;
  double offset;
};
constexpr style styles[] = {{"gemm", "#999999", 1, -0.24},   {"hand", "#000000", 2, -0.16},
                            {"cotape", "#D55E00", 7, -0.08}, {"torch", "#0072B2", 5, 0},
                            {"dlib", "#009E73", 9, 0.08},    {"fann", "#CC79A7", 11, 0.16},
                            {"adolc", "#E69F00", 13, 0.24}};

// One data block an engine and number of threads: x, ratio.
std::string data_block(const std::vector<figure>& figures, const style& s, std::size_t threads) {
  std::string block;
  for (std::size_t x = 0; x < all_cases().size(); ++x) {
    for (const figure& f : figures) {
      const bool wanted = f.engine == s.engine && f.threads == threads && f.ratio_to_hand > 0;
      if (wanted && f.name == all_cases()[x].name) {
        block += fmt::format("{} {:.5g}\n", static_cast<double>(x) + s.offset, f.ratio_to_hand);
      }
    }
  }
  return block;
}

std::string panel(const std::vector<figure>& figures, std::size_t threads) {
  std::string blocks, plots;
  for (const style& s : styles) {
    const std::string block = data_block(figures, s, threads);
    if (block.empty()) continue;
    blocks += fmt::format("${} << END\n{}END\n", s.engine, block);
    plots += fmt::format(
        "{}${} using 1:2 with points pointtype {} pointsize 0.8 linecolor rgb '{}' title '{}'",
        plots.empty() ? "" : ", ", s.engine, s.mark, s.colour, s.engine);
  }
  return fmt::format("{}set title '{} thread{}'\nplot {}\n", blocks, threads,
                     threads == 1 ? "" : "s", plots);
}

std::string script(const std::vector<figure>& figures, const std::string& file,
                   const std::string& machine) {
  std::set<std::size_t> threads;
  for (const figure& f : figures) {
    if (f.ratio_to_hand > 0) threads.insert(f.threads);
  }
  if (threads.empty()) return {};
  std::string names, panels;
  for (const spec& s : all_cases()) {
    names += fmt::format("{}'{}' {}", names.empty() ? "" : ", ", s.name,
                         static_cast<std::size_t>(&s - all_cases().data()));
  }
  for (std::size_t t : threads) panels += panel(figures, t);
  return fmt::format(
      "set terminal svg size 900,{} font 'sans,12' background rgb 'white' noenhanced\n"
      "set output '{}'\n"
      "set multiplot layout {},1 title \"Time of a step beside the one written by hand\\n{}\"\n"
      "set logscale y\nset ylabel 'time / hand (log scale)'\nset xrange [-0.5:{}]\n"
      "set xtics ({}) nomirror\nset grid ytics linecolor rgb '#dddddd'\n"
      "set key outside right top\n"
      "set arrow from graph 0, first 1 to graph 1, first 1 nohead linecolor rgb '#000000'\n{}",
      60 + 340 * threads.size(), file, threads.size(), machine,
      static_cast<double>(all_cases().size()) - 0.5, names, panels);
}

}  // namespace

bool write_picture(const std::filesystem::path& file, const std::vector<figure>& figures) {
  const std::string text = script(figures, file.string(), machine());
  if (text.empty()) return false;
  if (file.has_parent_path()) std::filesystem::create_directories(file.parent_path());
  std::FILE* gnuplot = popen("gnuplot", "w");
  if (gnuplot == nullptr) return false;
  std::signal(SIGPIPE, SIG_IGN);  // gnuplot may be missing
  std::fwrite(text.data(), 1, text.size(), gnuplot);
  return pclose(gnuplot) == 0;
}

}  // namespace bench
