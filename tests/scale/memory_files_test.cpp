// Files where memory is short: a file is the old one or the whole new one, and what reads one
// changes nothing before it has all of it.
#include <gtest/gtest.h>

#include <cotape/cotape.hpp>
#include <cotape/csv.hpp>
#include <cotape/io.hpp>
#include <memory>

#include "io/files.hpp"
#include "scale/allocations.hpp"
#include "scale/out_of_memory.hpp"

namespace {

using namespace cotape;
using tests::attempt;
using tests::let_allocations_fail;

using array = xt::xarray<double>;

class OutOfMemoryFiles : public tests::files_test {
 protected:
  const array w_ = {{1, 2}, {3, 4}}, b_ = {5, 6};
  const std::string old_ = "what stood there before";

  // Lets what writes this file fail; it must leave no other file.
  void let_writer_fail(const std::string& name, const std::function<void()>& writer) {
    std::string whole;
    let_allocations_fail([&] {
      write(name, old_);
      return attempt{.act = writer,
                     .refused =
                         [&, name] {
                           EXPECT_EQ(content(folder_ / name), old_);
                           only(name);
                         },
                     .done =
                         [&, name] {
                           if (whole.empty()) whole = content(folder_ / name);
                           EXPECT_EQ(content(folder_ / name), whole);
                           EXPECT_NE(whole, old_);
                           only(name);
                         }};
    });
  }
  void only(const std::string& name) const {
    for (const auto& entry : std::filesystem::directory_iterator(folder_)) {
      EXPECT_EQ(entry.path().filename(), name);
    }
  }
  static array_view view(const array_argument& a) { return a.view(); }
};

TEST_F(OutOfMemoryFiles, SavedParametersAreOldOrNew) {
  const std::vector<parameter> list{{"layer \"w\"", w_}, {"b", b_}};
  for (const char* name : {"p.safetensors", "p.npz"}) {
    let_writer_fail(name, [&, name] { save_parameters(folder_ / name, list); });
    std::filesystem::remove(folder_ / name);
  }
}

TEST_F(OutOfMemoryFiles, ParametersAreLoadedTogetherOrNotAtAll) {
  for (const char* name : {"p.safetensors", "p.npz"}) {
    save_parameters(folder_ / name, {{"w", w_}, {"b", b_}});
    let_allocations_fail([&, name] {
      const parameter w("w", xt::zeros<double>({2, 2})), b("b", xt::zeros<double>({2}));
      const std::vector<parameter> list{w, b};
      return attempt{.act = [&, name, list] { load_parameters(folder_ / name, list); },
                     .refused =
                         [w, b] {
                           EXPECT_EQ(w.value<double>()(1, 1), 0);
                           EXPECT_EQ(b.value<double>()(1), 0);
                         },
                     .done =
                         [&, w, b] {
                           EXPECT_TRUE(same_bits(w.view(), view(w_)));
                           EXPECT_TRUE(same_bits(b.view(), view(b_)));
                         }};
    });
  }
}

TEST_F(OutOfMemoryFiles, SavedModelsAreOldOrNew) {
  sequential m{input({2}), dense(3, {.activation = "tanh", .weights_regularizer = l2()}), dense(1)};
  m.compile("mse", adam());
  let_writer_fail("m.safetensors", [&] { m.save(folder_ / "m.safetensors", {.optimizer = true}); });
}

TEST_F(OutOfMemoryFiles, ModelsAreLoadedWhole) {
  sequential m{input({2}), dense(3, "tanh"), batch_normalization(), dense(1)};
  m.compile("mse", adam());
  m.save(folder_ / "m.safetensors", {.optimizer = true});
  let_allocations_fail([&] {
    const auto read = std::make_shared<std::vector<tensor>>();
    return attempt{.act =
                       [&, read] {
                         read->clear();
                         const model n = load_model(folder_ / "m.safetensors");
                         for (const parameter& p : n.parameters()) read->emplace_back(p.view());
                       },
                   .done =
                       [&, read] {
                         ASSERT_EQ(read->size(), m.parameters().size());
                         for (std::size_t i = 0; i < read->size(); ++i) {
                           EXPECT_TRUE(same_bits((*read)[i], m.parameters()[i].view()));
                         }
                       }};
  });
}

// libzip says of many an archive that it is broken, or nothing.
TEST_F(OutOfMemoryFiles, ArchivesAreNotCalledBroken) {
  const std::filesystem::path file = folder_ / "p.npz";
  const array_view w = view(w_);
  const auto act = [&] {
    write_npz(file, {{"w", w}});
    read_npz(file);
  };
  act();
  const std::size_t before = tests::allocations();
  act();
  const std::size_t total = tests::allocations() - before;
  for (const bool all_later : {false, true}) {
    for (std::size_t n = 1; n <= total; ++n) {
      try {
        const tests::failing_allocation one(n, all_later);
        act();
      } catch (const std::bad_alloc&) {
      } catch (const io_error& e) {
        ADD_FAILURE() << "request " << n << ": " << e.what();
      }
    }
  }
}

TEST_F(OutOfMemoryFiles, ArraysAreWrittenWholeOrNotAtAll) {
  let_writer_fail("x.npy", [&] { write_npy(folder_ / "x.npy", w_); });
}

TEST_F(OutOfMemoryFiles, ArraysAreReadWhole) {
  write_npy(folder_ / "x.npy", w_);
  const std::string idx = write("x.idx", std::string("\0\0\x08\x01\0\0\0\x02\x07\x09", 10));
  let_allocations_fail([&] {
    const auto read = std::make_shared<named_tensors>();
    return attempt{.act =
                       [&, read] {
                         read->insert_or_assign("npy", read_npy(folder_ / "x.npy"));
                         read->insert_or_assign("idx", read_idx(idx, float64));
                       },
                   .done =
                       [&, read] {
                         EXPECT_TRUE(same_bits(read->at("npy"), view(w_)));
                         EXPECT_TRUE(same_bits(read->at("idx"), view(array{7, 9})));
                       }};
  });
}

TEST_F(OutOfMemoryFiles, TablesAreReadWhole) {
  const auto file = write("t.csv", "a,b,c\n1,x,3\n4,\"y z\",6\nNA,w,7\n");
  let_allocations_fail([&] {
    const auto read = std::make_shared<std::pair<array, std::string>>();
    return attempt{.act =
                       [&, read] {
                         const csv_table t = read_csv(file, {.missing = missing_values::drop});
                         read->first = t.columns({"a", "c"});
                         read->second = t.text("b").at(1) + t.describe();
                       },
                   .done =
                       [read] {
                         EXPECT_EQ(read->first, (array{{1, 3}, {4, 6}}));
                         EXPECT_TRUE(read->second.starts_with("y z"));
                         EXPECT_NE(read->second.find("50%"), std::string::npos) << read->second;
                       }};
  });
}

}  // namespace
