// Inputs are read where they stand: not copied, and not past their end.
#include <sys/mman.h>
#include <unistd.h>

#include "support.hpp"

namespace cotape {
namespace {

TEST(Inputs, AreNotCopiedForKernelsOfTheirOwn) {
  tape t;
  const variable x = t.input(float32, {5000, 64}), rows = t.input(int64, {3});
  const auto arena = [&](variable y) { return program(t, {x, rows}, {y}).memory().arena; };
  EXPECT_LT(arena(gather(x, rows)), 5000);
  EXPECT_LT(arena(slice(x, {range(10), range(3, 9)})), 5000);
  EXPECT_LT(arena(sum(transpose(slice(x, {range(0, 4)})))), 5000);
  EXPECT_LT(arena(argmax(reshape(x, {320000}))), 5000);
  EXPECT_LT(arena(sum(x, 0)), 5000);
}

// Memory whose last bytes stand before a page that no one may touch.
class guarded {
 public:
  explicit guarded(const tensor& from) {
    const auto page = static_cast<std::size_t>(sysconf(_SC_PAGESIZE));
    const std::size_t bytes = from.type().bytes();
    size_ = (bytes + page - 1) / page * page + page;
    start_ = static_cast<std::byte*>(
        mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    EXPECT_NE(static_cast<void*>(start_), MAP_FAILED);
    EXPECT_EQ(mprotect(start_ + size_ - page, page, PROT_NONE), 0);
    data_ = start_ + size_ - page - bytes;
    if (bytes != 0) std::memcpy(data_, from.data(), bytes);
  }
  ~guarded() { munmap(start_, size_); }
  guarded(const guarded&) = delete;
  guarded& operator=(const guarded&) = delete;
  const void* data() const { return data_; }

 private:
  std::size_t size_ = 0;
  std::byte *start_ = nullptr, *data_ = nullptr;
};

using namespace cotape::tests;

void expect_nothing_read_past_the_end(const op_case& c, const std::vector<shape>& shapes, dtype d,
                                      bool fuse) {
  SCOPED_TRACE(c.text() + " in " + name_of(d) + ", first shape " + shapes[0].text());
  engine random(1);
  graph_under_test g(c, draw(c, shapes, random), d);
  variables outputs{c.apply(g.inputs)}, asked;
  for (const variable& x : g.inputs) {
    if (x.dtype() != int64) asked.push_back(x);
  }
  if (outputs[0].dtype() != int64) {
    const variable w = g.input(outputs[0].dtype(), draw_normal(outputs[0].shape(), random));
    for (const variable& dx : vjp(outputs[0], asked, w)) outputs.push_back(dx);
  }
  std::vector<std::unique_ptr<guarded>> kept;
  std::vector<array_view> views;
  for (const tensor& x : g.values) {
    kept.push_back(std::make_unique<guarded>(x));
    views.emplace_back(x.type(), kept.back()->data());
  }
  program code(g.t, g.inputs, outputs, {.fuse = fuse});
  code.run(views);
  std::vector<tensor> found;
  for (std::size_t i = 0; i < outputs.size(); ++i) found.emplace_back(code.output(i).view());
  code.run(std::vector<array_view>(g.values.begin(), g.values.end()));
  for (std::size_t i = 0; i < outputs.size(); ++i) {
    EXPECT_TRUE(same_bits(found[i], code.output(i).view())) << "output " << i;
  }
}

// A read past the end stops the test program.
TEST(Inputs, AreReadByNoOperationPastTheirEnd) {
  for (const op_case& c : op_cases()) {
    for (dtype d : {float32, float64}) {
      for (bool fuse : {true, false}) {
        expect_nothing_read_past_the_end(c, own_shapes(c), d, fuse);
        if (c.grows) expect_nothing_read_past_the_end(c, grown_shapes(c, 3000), d, fuse);
      }
    }
  }
}

// Loops read whole vectors: of a slice up to the end of the input they may not.
TEST(Inputs, AreNotReadPastTheirEndThroughSlices) {
  for (dtype d : {float32, float64}) {
    for (std::int64_t n : {1, 15, 16, 17, 31, 129, 1000, 9000}) {
      for (std::int64_t first : {std::int64_t{0}, std::int64_t{1}, n / 2, n - 1, n}) {
        if (first > n) continue;
        tape t;
        const variable x = t.input(d, {n}), part = slice(x, {range(first, n)});
        program code(t, {x}, {part * 2 + sum(part), slice(x, {range(0, n - first)}) - part});
        const tensor value{value_type{d, {n}}};
        const guarded at_the_end(value);
        code.run(std::vector{array_view(value.type(), at_the_end.data())});
        EXPECT_EQ(code.output(0).view().shape().elements(), n - first);
      }
    }
  }
}

TEST(Inputs, AreReadByProductsOfTheirSlicesNotPastTheirEnd) {
  for (const dtype d : {float32, float64}) {
    for (const std::int64_t n : {1, 3, 5, 16, 17, 40}) {
      tape t;
      const variable x = t.input(d, {50, 50}), y = t.input(d, {n, n});
      const variable corner = slice(x, {{50 - n, 50}, {50 - n, 50}});
      const guarded last(tensor{x.type()}), other(tensor{y.type()});
      const std::vector<array_view> views{{x.type(), last.data()}, {y.type(), other.data()}};
      program code(t, {x, y},
                   {matmul(corner, y), matmul(y, corner), matmul(y, transpose(corner)),
                    matmul(transpose(corner), y)});
      EXPECT_EQ(code.steps(), 4u);
      code.run(views);
    }
  }
}

}  // namespace
}  // namespace cotape
