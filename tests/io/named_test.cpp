// Files of named values and of parameters: what is written is read again, by others too, and what
// is damaged or does not fit is refused and changes nothing.
#include <gtest/gtest.h>
#include <sys/resource.h>
#include <unistd.h>
#include <cotape/io.hpp>
#include <cotape/model.hpp>

#include <fmt/format.h>

#include <cmath>
#include <fstream>
#include <limits>
#include <random>

#include "expect_error.hpp"
#include "full_disk.hpp"
#include "io/files.hpp"
#include "io/numpy_npz.hpp"

namespace {

using namespace cotape;
using tests::message_of;

const xt::xarray<float> w = {{1, -2.5f, 0}, {3, 4, std::numeric_limits<float>::quiet_NaN()}};
const xt::xarray<double> b = {0.1, -1e300};
const xt::xarray<std::int64_t> counts = {std::numeric_limits<std::int64_t>::min(), 7, 8};

array_view view(const array_argument& a) { return a.view(); }
const tensor rate = tensor(view(0.25));
const named_views some = {
    {"layer/w", view(w)}, {"b", view(b)}, {"c \"\xc3\xa9", view(counts)}, {"rate", rate}};

template <class Values> bool same(const named_tensors& a, const Values& other) {
  return std::equal(a.begin(), a.end(), other.begin(), other.end(),
                    [](const auto& x, const auto& y) {
                      return x.first == y.first && same_bits(x.second, y.second);
                    });
}

class Named : public tests::files_test {
 protected:
  // What is wrong with a file of this content, without its name.
  template <class Read>
  std::string error_of(const std::string& name, const std::string& content, Read read) const {
    const auto file = write(name, content);
    try {
      read(file);
    } catch (const io_error& e) {
      const std::string text = e.what();
      const auto at = text.find(file.string());
      EXPECT_NE(at, text.npos) << text;
      return text.substr(at + file.string().size() + 2);
    }
    return "no error";
  }
  std::string error_of_safetensors(const std::string& header, const std::string& data,
                                   const read_limits& limits = {}) const {
    std::uint64_t n = header.size();
    const std::string content = std::string(reinterpret_cast<char*>(&n), 8) + header + data;
    return error_of("t.safetensors", content,
                    [&](const auto& file) { read_safetensors(file, limits); });
  }

  // Values come back; equal values give equal files, and nothing else stays in the folder.
  template <class Read>
  void expect_read_again(const std::filesystem::path& file,
                         void (*write_file)(const std::filesystem::path&, const named_views&),
                         Read read_file) {
    write_file(file, some);
    EXPECT_TRUE(same(read_file(file, read_limits()), some));
    const std::string first = content(file);
    write_file(file, some);
    EXPECT_EQ(content(file), first);
    EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder_), {}), 1);
    const tensor none({float32, {0, 3}});
    write_file(file, {{"none", none}});
    EXPECT_TRUE(same(read_file(file, read_limits()), named_views{{"none", none}}));
  }
};

TEST_F(Named, SafetensorsAreReadAgain) {
  const auto file = folder_ / "m.safetensors";
  expect_read_again(file, write_safetensors, read_safetensors);
  write_safetensors(file, {});
  EXPECT_TRUE(read_safetensors(file).empty());
}

TEST_F(Named, SafetensorsHaveTheFormatOfThePythonPackage) {
  const auto file = folder_ / "m.safetensors";
  const xt::xarray<float> one{1};
  write_safetensors(file, {{"a", view(one)}, {"b", view(b)}});
  const std::string bytes = content(file);
  EXPECT_EQ(bytes[0] % 8, 0);
  EXPECT_EQ(bytes.substr(1, 7), std::string(7, 0));
  const std::string header = bytes.substr(8, static_cast<unsigned char>(bytes[0]));
  EXPECT_TRUE(header.starts_with(R"({"__metadata__":{"written_by":"cotape","cotape.version":"1",)"
                                 R"("cotape.crc32":")"))
      << header;
  EXPECT_NE(header.find(R"("},"b":{"dtype":"F64","shape":[2],"data_offsets":[0,16]},)"
                        R"("a":{"dtype":"F32","shape":[1],"data_offsets":[16,20]}})"),
            header.npos)
      << header;
  EXPECT_EQ(bytes.size(), 8 + header.size() + 20);
}

TEST_F(Named, ForeignSafetensorsAreRead) {
  const std::string header =
      R"({"w":{"data_offsets":[0,8],"shape":[2],"dtype":"F32"},"__metadata__":{"format":"pt"}}  )";
  EXPECT_EQ(error_of_safetensors(header, std::string(8, 0)), "no error");
}

// A .npy file of version 2.0.
std::string npy(const std::string& header, const std::string& data, char major = 2) {
  return "\x93NUMPY" + std::string{major, 0, static_cast<char>(header.size()), 0, 0, 0} + header +
         data;
}

// Only keys that begin with "cotape." tell that a checksum is due.
TEST_F(Named, MetadataOfOthersMayNameUs) {
  const auto error = [&](const std::string& metadata) {
    return error_of_safetensors(R"({"__metadata__":{)" + metadata +
                                    R"(},"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})",
                                "12345678");
  };
  for (const std::string metadata :
       {R"("trained_with":"cotape")", R"("cotape":"yes")", R"("cotape_version":"1")",
        R"("written_by":"cotape")", R"("checksum":"cotape.crc32")"}) {
    EXPECT_EQ(error(metadata), "no error") << metadata;
  }
  const std::string damaged = "it is damaged: its checksum is not that of its tensors";
  EXPECT_EQ(error(R"("cotape.version":"1")"), damaged);
  EXPECT_EQ(error(R"("cotape.crc32":"00000000")"), damaged);
}

TEST_F(Named, NothingIsSaidTwice) {
  const auto error = [&](const std::string& h) { return error_of_safetensors(h, "12345678"); };
  const std::string odd = "its header holds something else than tensors at ",
                    rest = R"("shape":[2],"data_offsets":[0,8]}})";
  EXPECT_EQ(error(R"({"w":{"dtype":"","dtype":"F32",)" + rest), odd + "'w', 'dtype'");
  EXPECT_EQ(error(R"({"w":{"dtype":"F32","dtype":"F32",)" + rest), odd + "'w', 'dtype'");
  EXPECT_EQ(error(R"({"w":{"dtype":"F32","shape":[2],)" + rest), odd + "'w', 'shape'");
  EXPECT_EQ(error(R"({"w":{"dtype":"F32",)" + rest.substr(0, rest.size() - 2) +
                  R"(,"data_offsets":[0,8]}})"),
            odd + "'w', 'data_offsets'");
  const std::string texts = "its __metadata__ is no object of texts, each with a name of its own";
  EXPECT_EQ(error(R"({"__metadata__":{"a":"1","a":"2"},"w":{"dtype":"F32",)" + rest), texts);
  EXPECT_EQ(
      error(R"({"__metadata__":{"a":"1"},"__metadata__":{"b":"1"},"w":{"dtype":"F32",)" + rest),
      texts);
  const auto npy_error = [&](const std::string& header) {
    return error_of("v.npy", npy(header, "12345678"), [](const auto& f) { read_npy(f); });
  };
  EXPECT_EQ(npy_error("{'descr':'','descr':'<f4','fortran_order':False,'shape':(2,)}"),
            "its header cannot be read from ''<f4','fortran_order' on");
  EXPECT_EQ(npy_error("{'descr':'<f4','fortran_order':,'fortran_order':False,'shape':(2,)}"),
            "its header cannot be read from 'False,'shape':(2,)}' on");
  EXPECT_EQ(npy_error("{'descr':'<f4','fortran_order':False,'shape':(2,),'shape':(2,)}"),
            "its header cannot be read from '(2,)}' on");
  EXPECT_EQ(npy_error("{'descr':\x1b[1m'<f4','fortran_order':False,'shape':(2,)}"),
            "its header cannot be read from '\\x1b[1m'<f4','fortran_o' on");
}

TEST_F(Named, ANulDoesNotEndTheHeader) {
  const std::string header = R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  for (const std::string& more : {std::string(1, '\0'), std::string("\0more", 5)}) {
    EXPECT_EQ(error_of_safetensors(header + more, "12345678"), "its header holds a NUL");
  }
}

TEST_F(Named, BrokenSafetensorsAreRefused) {
  const auto error = [&](const std::string& h) { return error_of_safetensors(h, "12345678"); };
  const std::string good = R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})";
  EXPECT_EQ(error(good), "no error");
  EXPECT_EQ(error_of_safetensors(good, "1234567"),
            "it is truncated: it declares 8 bytes of data, but holds 7");
  EXPECT_EQ(error_of_safetensors(good, "123456789"),
            "it is too long: it declares 8 bytes of data, but holds 9");
  EXPECT_EQ(error(R"({"w":{"dtype":"F16","shape":[4],"data_offsets":[0,8]}})"),
            "'w' is of dtype F16; only F32, F64 and I64 are read");
  EXPECT_EQ(error(R"({"w":{"dtype":"F32","shape":[3],"data_offsets":[0,8]}})"),
            "'w' is float32 (3,), 12 bytes, but its place is from 0 to 8");
  EXPECT_EQ(error(R"({"w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})"),
            "'w' begins at byte 4 of the data, where 0 was due");
  EXPECT_EQ(error(R"({"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                  R"("w":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})"),
            "'w' begins at byte 4 of the data, where 8 was due");
  EXPECT_EQ(error(R"({"w":{"dtype":"F32","shape":[2]}})"),
            "'w' lacks dtype, shape or data_offsets");
  EXPECT_EQ(error(R"({"w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                  R"("w":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})"),
            "it holds 'w' twice");
  EXPECT_EQ(error(R"({"w":{"dtype":"F32","shape":[2,1,1,1,1,1,1,1,1],"data_offsets":[0,8]}})"),
            "'w' declares over 8 axes");
  EXPECT_EQ(error(R"({"w":{"dtype":"F32","shape":[99999999999,2],"data_offsets":[0,8]}})"),
            "'w' declares more than a tensor can be: shape (99999999999, 2): more than 2^31 "
            "elements");
  EXPECT_EQ(
      error(R"({"w":{"dtype":"F32","shape":[2,9223372036854775808],"data_offsets":[0,8]}})"),
      "'w' declares more than a tensor can be: shape (2, 9223372036854775808): more than 2^31 "
      "elements");
  const std::string odd = "its header holds something else than tensors at 'w', ";
  for (const std::string value : {"3", "null", "true"}) {
    const std::string what = "its header holds something else than tensors at 'w'";
    EXPECT_EQ(error(R"({"w":)" + value + "}"), what);
    EXPECT_EQ(error(R"({"v":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},"w":)" + value + "}"),
              what);
  }
  for (const std::string value : {"null", "[]", R"({"a":1})", R"({"a":{"b":"c"}})"}) {
    EXPECT_EQ(error(R"({"__metadata__":)" + value + "}"),
              "its __metadata__ is no object of texts, each with a name of its own");
  }
  EXPECT_EQ(error(R"({"w":{"dtype":"F32","shape":[-1],"data_offsets":[0,8]}})"), odd + "'shape'");
  EXPECT_EQ(error(R"({"w":{"dtype":"F32","shape":[[2]],"data_offsets":[0,8]}})"), odd + "'shape'");
  EXPECT_EQ(error(R"({"w":{"dtype":"F32","kind":"x","shape":[2]}})"), odd + "'kind'");
  EXPECT_EQ(error("{" + std::string(100, '"')), "its header is no JSON at byte 5");
  EXPECT_EQ(error("[]"), "it is no safetensors file: its header is no JSON object");
  EXPECT_TRUE(error_of("t.safetensors", "PK\3\4 is another", [](const auto& f) {
                read_safetensors(f);
              }).starts_with("it is truncated or no safetensors file: it declares a header of"));
  EXPECT_EQ(error_of_safetensors(R"({"w":{"dtype":"F32","shape":[2000000000],)"
                                 R"("data_offsets":[0,8000000000]}})",
                                 "abc"),
            "it declares 8000000000 bytes: over the limit of 4294967296");
}

TEST_F(Named, DamageIsToldByTheChecksum) {
  const auto file = folder_ / "m.safetensors";
  write_safetensors(file, some);
  std::string bytes = content(file);
  bytes.back() ^= 1;
  EXPECT_EQ(error_of("m.safetensors", bytes, [](const auto& f) { read_safetensors(f); }),
            "it is damaged: its checksum is not that of its tensors");
}

TEST_F(Named, NpyFilesAreReadAgain) {
  for (const auto& [name, value] : some) {
    write_npy(folder_ / "v.npy", value);
    EXPECT_TRUE(same_bits(read_npy(folder_ / "v.npy"), value)) << name;
  }
  write_npy(folder_ / "v.npy", w);
  EXPECT_EQ(content(folder_ / "v.npy").substr(0, 128),
            std::string("\x93NUMPY\1\0v\0", 10) +
                "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }" +
                std::string(58, ' ') + "\n");
}

TEST_F(Named, NpyFilesOfOthersAreReadOrRefused) {
  const auto error = [&](const std::string& content) {
    return error_of("v.npy", content, [](const auto& f) { read_npy(f); });
  };
  const std::string data(8, 'x'), rest = "'fortran_order': False, 'shape': (2,)}\n";
  EXPECT_EQ(error(npy("{'shape':(1,2),'fortran_order':False,'descr':'<f4'}", data)), "no error");
  EXPECT_EQ(error(npy("{'descr': '<f8', 'shape': (), 'fortran_order': False, }  \n", data)),
            "no error");
  EXPECT_EQ(error(npy("{'descr': '>f4', " + rest, data)),
            "its elements are big-endian ('>f4'); write it little-endian");
  EXPECT_EQ(error(npy("{'descr': '<i4', " + rest, data)),
            "its elements are '<i4'; only '<f4', '<f8' and '<i8' are read");
  EXPECT_EQ(error(npy("{'descr': [('a', '<f4')], " + rest, data)),
            "its header cannot be read from '[('a', '<f4')], 'for' on");
  EXPECT_EQ(error(npy("{'descr': '<f4', 'fortran_order': True, 'shape': (2,)}", data)),
            "its fortran_order is True; write it in C order (numpy.ascontiguousarray)");
  EXPECT_EQ(error(npy("{'descr': '<f4', 'fortran_order': False}", data)),
            "its header lacks descr, fortran_order or shape");
  EXPECT_EQ(error(npy("{'descr': '<f4', " + rest, data + "y")),
            "it is too long: it declares float32 (2,), 8 bytes, but holds 9");
  EXPECT_EQ(error(npy("{'descr': '<f4', " + rest, "abc")),
            "it is truncated: it declares float32 (2,), 8 bytes, but holds 3");
  EXPECT_EQ(error(npy("{'descr': '<f4', " + rest, data).substr(0, 30)),
            "it is truncated: its header ends early");
  EXPECT_EQ(error(npy("{'descr': '<f4', " + rest, data, 3)),
            "it is of version 3.0; 1.0 and 2.0 are read");
  EXPECT_EQ(error("not NumPy's"), "it is no .npy file");
  EXPECT_EQ(error("\x93NUMPY"),
            "it is truncated: the start of its header takes 8 bytes, but 6 are left");
  EXPECT_EQ(error("\x93NUMPY\2" + std::string("\0\1\0\1\0", 5)),
            "its header has 65537 bytes: over the limit of 65536");
  EXPECT_EQ(error(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999,)}", "")),
            "it declares more than a tensor can be: shape (99999999999): more than 2^31 elements");
  EXPECT_EQ(
      error(npy("{'descr': '<f4', 'fortran_order': False, 'shape': (1,1,1,1,1,1,1,1,1)}", "")),
      "it declares more than a tensor can be: shape (1, 1, 1, 1, 1, 1, 1, 1, 1): more than 8 axes");
  EXPECT_EQ(error(npy("{'descr': '<f4', " + rest, data, '\xff')),
            "it is of version 255.0; 1.0 and 2.0 are read");
  write_npy(folder_ / "v.npy", b);
  EXPECT_TRUE(message_of([&] {
                read_npy(folder_ / "v.npy", {.most_bytes = 15});
              }).ends_with("it declares float64 (2,), 16 bytes: over the limit of 15"));
}

TEST_F(Named, NpzFilesAreReadAgain) { expect_read_again(folder_ / "m.npz", write_npz, read_npz); }

TEST_F(Named, NpzFilesOfNumpyAreRead) {
  const named_tensors found = read_npz(write("numpy.npz", tests::numpy_npz));
  const tensor zeros({float64, {300}});
  EXPECT_TRUE(same(found, named_views{{"a", zeros}}));
}

TEST_F(Named, BrokenNpzFilesAreRefused) {
  const auto file = folder_ / "m.npz";
  write_npz(file, some);
  const std::string good = content(file);
  const auto error = [&](const std::string& content, const read_limits& limits = {}) {
    return error_of("m.npz", content, [&](const auto& f) { read_npz(f, limits); });
  };
  EXPECT_EQ(error(good), "no error");
  EXPECT_EQ(error("no zip"), "it is no zip archive, or broken: Not a zip archive");
  EXPECT_TRUE(
      error(good.substr(0, good.size() / 2)).starts_with("it is no zip archive, or broken"));
  std::string damaged = good;
  const double tenth = 0.1;
  damaged[good.find(std::string(reinterpret_cast<const char*>(&tenth), 8))] ^= 1;
  EXPECT_EQ(error(damaged), "'b.npy': cannot unpack it: CRC error");
  EXPECT_EQ(error(good, {.most_bytes = 200}),
            "it declares 296 bytes or more: over the limit of 200");
  std::string renamed = good;
  for (auto at = good.find("rate.npy"); at != good.npos; at = good.find("rate.npy", at + 1)) {
    renamed.replace(at, 8, "rate.txt");
  }
  EXPECT_EQ(error(renamed), "it holds 'rate.txt', no .npy");
  std::string folder = good;
  for (auto at = good.find("rate.npy"); at != good.npos; at = good.find("rate.npy", at + 1)) {
    folder.replace(at, 8, "rate.np/");
  }
  EXPECT_EQ(error(folder), "it holds the folder 'rate.np/': pack the .npy files alone");
  write_npz(file, {{"a", rate}, {"b", rate}});
  std::string twice = content(file);
  for (auto at = twice.find("b.npy"); at != twice.npos; at = twice.find("b.npy", at)) {
    twice[at] = 'a';
  }
  EXPECT_EQ(error(twice), "it holds two members of one name");
  EXPECT_EQ(error(tests::bzip2_npz),
            "'a.npy' is packed by bzip2; stored and deflated members are read");
  std::string nul = good;
  for (auto at = nul.find("rate.npy"); at != nul.npos; at = nul.find("rate.npy")) nul[at + 2] = 0;
  EXPECT_TRUE(read_npz(write("nul.npz", nul)).contains("ra e"));
  EXPECT_EQ(message_of([&] { write_npz(file, {}); }), "write_npz: there is nothing to write");
}

// libzip needs a second number for the file.
TEST_F(Named, TooFewDescriptorsAreNoBrokenArchive) {
  const std::filesystem::path file = folder_ / "m.npz";
  write_npz(file, some);
  const int next = ::dup(0);
  ASSERT_GE(next, 0);
  ::close(next);
  rlimit before{};
  ::getrlimit(RLIMIT_NOFILE, &before);
  const rlimit one{static_cast<rlim_t>(next) + 1, before.rlim_max};
  ::setrlimit(RLIMIT_NOFILE, &one);
  std::exception_ptr thrown;
  try {
    read_npz(file);
  } catch (...) {
    thrown = std::current_exception();
  }
  ::setrlimit(RLIMIT_NOFILE, &before);  // sanitizers need a pipe to look at an object
  ASSERT_TRUE(thrown);
  const std::string message = message_of([&] { std::rethrow_exception(thrown); });
  EXPECT_EQ(message, "read_npz: " + file.string() + ": cannot open it: Too many open files");
}

TEST_F(Named, ParametersAreKept) {
  for (const std::string name : {"m.safetensors", "m.npz"}) {
    const parameter p("layer/w", w), q("b", b), step("step", xt::xarray<std::int64_t>{41});
    save_parameters(folder_ / name, {p, q, step});
    const parameter p2("layer/w", xt::xarray<float>(w * 0)), q2("b", xt::xarray<double>(b * 0)),
        step2("step", xt::xarray<std::int64_t>{0});
    load_parameters(folder_ / name, {step2, p2, q2});
    EXPECT_TRUE(same_bits(p2.view(), p.view()));
    EXPECT_TRUE(same_bits(q2.view(), q.view()));
    EXPECT_TRUE(same_bits(step2.view(), step.view()));
  }
}

TEST_F(Named, ParametersThatDoNotFitStayAsTheyWere) {
  for (const std::string name : {"m.safetensors", "m.npz"}) {
    const auto file = folder_ / name;
    const parameter a("a", xt::xarray<float>{1, 2}), c("c", xt::xarray<float>{3});
    save_parameters(file, {a, c});
    const parameter a2("a", xt::xarray<float>{5, 6}), wide("c", xt::xarray<double>{7}),
        longer("c", xt::xarray<float>{7, 8}), c2("c", xt::xarray<float>{9}),
        d("d", xt::xarray<float>{9});
    const auto error = [&](const std::vector<parameter>& into) {
      return message_of([&] { load_parameters(file, into); });
    };
    const std::string start = "load_parameters: " + file.string() + ": ";
    EXPECT_EQ(error({a2, wide}), start + "'c' is float32 (1,) in it, but float64 (1,) here");
    EXPECT_EQ(error({a2, longer}), start + "'c' is float32 (1,) in it, but float32 (2,) here");
    EXPECT_EQ(error({a2, d, c2}), start + "it holds no 'd'");
    EXPECT_EQ(error({a2}), start + "it also holds 'c', float32 (1,)");
    std::string damaged = content(file);
    const float three = 3;
    damaged[damaged.find(std::string(reinterpret_cast<const char*>(&three), 4))] ^= 1;
    write(name, damaged);
    EXPECT_NE(error({a2, c2}), "no error");
    EXPECT_EQ(a2.value<float>(), (xt::xarray<float>{5, 6}));
    EXPECT_EQ(c2.value<float>(), (xt::xarray<float>{9}));
  }
}

// A list without parameters is a slip: it would take the place of weights that are good.
TEST_F(Named, NoParametersAreNeitherSavedNorLoaded) {
  const std::string why =
      ": the list of parameters is empty: a model without an input has no weights before its first "
      "data: begin it with input(...), or give it data first";
  const sequential unbuilt({dense(2)});
  for (const std::string name : {"m.safetensors", "m.npz"}) {
    const auto file = folder_ / name;
    save_parameters(file, {parameter("w", w)});
    const std::string before = content(file);
    EXPECT_EQ(message_of([&] { save_parameters(file, unbuilt.parameters()); }),
              "save_parameters" + why);
    EXPECT_EQ(content(file), before);
    EXPECT_EQ(message_of([&] { load_parameters(file, unbuilt.parameters()); }),
              "load_parameters" + why);
    EXPECT_EQ(message_of([&] { save_parameters(folder_ / ("new_" + name), {}); }),
              "save_parameters" + why);
    EXPECT_FALSE(std::filesystem::exists(folder_ / ("new_" + name)));
  }
  write_safetensors(folder_ / "none.safetensors", {});
  EXPECT_EQ(message_of([&] { load_parameters(folder_ / "none.safetensors", {}); }),
            "load_parameters" + why);
  sequential built({input({3}), dense(2)});
  save_parameters(folder_ / "m.npz", built.parameters());
  load_parameters(folder_ / "m.npz", built.parameters());
}

// Bytes that are no UTF-8, and control characters, as numbers.
std::string name_in_messages(const std::string& name) {
  std::string text;
  for (const char c : name) {
    text += c < ' ' ? fmt::format("\\x{:02x}", c & 0xff) : std::string(1, c);
  }
  return text;
}

TEST_F(Named, NamesAndExtensionsAreChecked) {
  const parameter p("w", w), q("w", b), ours("__metadata__", b), odd("\xff", b);
  EXPECT_EQ(message_of([&] { save_parameters("m.h5", {p}); }),
            "save_parameters: m.h5: parameters are kept in .safetensors or .npz, not in '.h5'");
  EXPECT_EQ(message_of([&] {
              save_parameters(folder_ / "m.npz", {p, q});
            }),
            "save_parameters: two parameters are named 'w'");
  EXPECT_EQ(message_of([&] { save_parameters(folder_ / "m.safetensors", {ours}); }),
            "save_parameters: the name '__metadata__' is the format's own");
  EXPECT_EQ(message_of([&] { save_parameters(folder_ / "m.safetensors", {odd}); }),
            "save_parameters: the name '\\xff' is no UTF-8");
  EXPECT_EQ(message_of([&] { save_parameters(folder_ / "m.npz", {odd}); }),
            "save_parameters: a zip archive cannot hold the name '\\xff'");
  const std::string longest(65531, 'x'), nul("a\0b", 3);
  const auto npz = folder_ / "m.npz";
  EXPECT_EQ(message_of([&] {
              write_npz(npz, {{longest + "x", view(b)}});
            }),
            "write_npz: a zip archive cannot hold the name '" + std::string(80, 'x') + "...'");
  EXPECT_EQ(message_of([&] {
              write_npz(npz, {{nul, view(b)}});
            }),
            "write_npz: a zip archive cannot hold the name 'a\\0b'");
  // UTF-8 has no surrogates, no longer forms than needed and nothing beyond U+10FFFF.
  for (const std::string name : {"\xed\xa0\x80", "\xc0\x80", "\xe0\x80\xaf", "\xf4\x90\x80\x80",
                                 "\xf8\x88\x80\x80\x80", "\xc3", "a\x80", "\x01"}) {
    EXPECT_EQ(message_of([&] {
                write_npz(npz, {{name, view(b)}});
              }),
              "write_npz: a zip archive cannot hold the name '" + name_in_messages(name) + "'");
  }
  EXPECT_TRUE(std::filesystem::is_empty(folder_));
  // What is saved is loaded.
  const named_views odd_names = {{longest, view(b)}, {"", view(b)}, {"../a", view(w)}};
  write_npz(npz, odd_names);
  EXPECT_TRUE(same(read_npz(npz), odd_names));
  const named_views more_names = {{longest + longest, view(b)}, {nul, view(b)}, {"", view(w)}};
  write_safetensors(folder_ / "m.safetensors", more_names);
  EXPECT_TRUE(same(read_safetensors(folder_ / "m.safetensors"), more_names));
  EXPECT_EQ(
      message_of([&] {
        write_safetensors(folder_ / "n.safetensors", {{std::string(100'000'000, 'x'), view(b)}});
      }),
      "write_safetensors: the names and shapes take 100000144 bytes: over the format's "
      "100000000");
}

TEST_F(Named, AFailedWriteLeavesTheOldFile) {
  const auto file = folder_ / "m.safetensors";
  const parameter p("w", w);
  save_parameters(file, {p});
  const std::string before = content(file);
  const auto unfinished = folder_ / "m.safetensors.cotape-unfinished";
  std::ofstream(unfinished) << std::string(10000, 'x');  // a killed process's
  save_parameters(file, {p});
  EXPECT_EQ(content(file), before);
  EXPECT_FALSE(std::filesystem::exists(unfinished));
  EXPECT_EQ(message_of([&] { save_parameters(folder_ / "none" / "m.npz", {p}); }),
            "save_parameters: " + (folder_ / "none" / "m.npz").string() +
                ": cannot write in the folder " + (folder_ / "none").string() +
                ": No such file or directory");
  const parameter large("w", xt::xarray<float>(xt::zeros<float>({1000})));
  const tests::full_disk full;
  EXPECT_EQ(message_of([&] { save_parameters(file, {large}); }),
            "save_parameters: " + file.string() + ": cannot write it: File too large");
  EXPECT_EQ(content(file), before);
  EXPECT_FALSE(std::filesystem::exists(unfinished));
}

TEST_F(Named, AKilledWriterLeavesAWholeFile) {
  const auto file = folder_ / "m.safetensors";
  const auto values = [](std::int64_t i) {
    return parameter("w", xt::xarray<std::int64_t>(i * xt::ones<std::int64_t>({20000})));
  };
  save_parameters(file, {values(0)});
  std::mt19937 random(5);
  for (int kill_number = 0; kill_number < 20; ++kill_number) {
    const pid_t writer = fork();
    ASSERT_GE(writer, 0);
    if (writer == 0) {
      for (std::int64_t i = 1;; ++i) save_parameters(file, {values(i)});
    }
    usleep(static_cast<useconds_t>(random() % 20000));
    ASSERT_EQ(kill(writer, SIGKILL), 0);
    ASSERT_EQ(waitpid(writer, nullptr, 0), writer);
    const parameter found = values(0);
    load_parameters(file, {found});
    EXPECT_TRUE(same_bits(found.view(), values(found.value<std::int64_t>()(0)).view()));
  }
}

// Each of 10,000 files, changed at random, is refused or gives the tensors that were written.
template <class Read>
void expect_errors_or(const named_views& written, const std::string& good, Read read) {
  std::mt19937 random(3);
  int errors = 0;
  for (int i = 0; i < 10000; ++i) {
    try {
      ASSERT_TRUE(same(read(tests::mutated(good, random)), written)) << "file " << i;
    } catch (const io_error&) {
      ++errors;
    }
  }
  EXPECT_GT(errors, 5000);
}

TEST_F(Named, MutatedSafetensorsEndInAnErrorOrTheData) {
  write_safetensors(folder_ / "m", some);
  expect_errors_or(some, content(folder_ / "m"), [&](const std::string& bytes) {
    return read_safetensors(write("m", bytes), {.most_bytes = 1 << 20});
  });
}

TEST_F(Named, MutatedNpzFilesEndInAnErrorOrTheData) {
  write_npz(folder_ / "m", some);
  expect_errors_or(some, content(folder_ / "m"), [&](const std::string& bytes) {
    return read_npz(write("m", bytes), {.most_bytes = 1 << 20});
  });
  const tensor zeros({float64, {300}});
  expect_errors_or({{"a", zeros}}, tests::numpy_npz, [&](const std::string& bytes) {
    return read_npz(write("m", bytes), {.most_bytes = 1 << 20});
  });
}

// The format has no checksum: the data is right if it is the file's, of the type that it declares.
TEST_F(Named, MutatedNpyFilesEndInAnErrorOrTheData) {
  write_npy(folder_ / "m", xt::xarray<float>(xt::arange<float>(200).reshape({20, 10})));
  const std::string good = content(folder_ / "m");
  std::mt19937 random(4);
  int errors = 0;
  for (int i = 0; i < 10000; ++i) {
    const std::string bytes = tests::mutated(good, random);
    try {
      const tensor t = read_npy(write("m", bytes), {.most_bytes = 1 << 20});
      ASSERT_EQ(t.type().bytes(), bytes.size() - 128);
      ASSERT_EQ(
          bytes.compare(128, bytes.npos, static_cast<const char*>(t.data()), t.type().bytes()), 0);
      std::string sizes = t.shape().text();
      std::string header = bytes.substr(0, 128);
      std::erase(header, ' ');
      std::erase(sizes, ' ');
      ASSERT_NE(header.find("'shape':" + sizes), header.npos) << header;
    } catch (const io_error&) {
      ++errors;
    }
  }
  EXPECT_GT(errors, 3000);
  EXPECT_LT(errors, 9500);
}

// Files that declare much and hold little cost little.
TEST_F(Named, DeclaredSizesAreCheckedBeforeMemoryIsTaken) {
  EXPECT_EQ(error_of_safetensors(R"({"w":{"dtype":"F32","shape":[500000000],)"
                                 R"("data_offsets":[0,2000000000]}})",
                                 "abc"),
            "it is truncated: it declares 2000000000 bytes of data, but holds 3");
  EXPECT_EQ(
      error_of("v.npy", npy("{'descr':'<f8','fortran_order':False,'shape':(250000000,)}", "abc"),
               [](const auto& f) { read_npy(f); }),
      "it is truncated: it declares float64 (250000000,), 2000000000 bytes, but holds 3");
  std::string huge =
      tests::numpy_npz;  // 4,000,000,000 bytes in the directory and before the member
  const std::uint64_t size = 4'000'000'000;
  const std::uint32_t old = 128 + 300 * 8;
  const std::string old_bytes(reinterpret_cast<const char*>(&old), 4);
  for (auto at = huge.find(old_bytes); at != huge.npos; at = huge.find(old_bytes, at + 1)) {
    huge.replace(at, 4, reinterpret_cast<const char*>(&size), 4);
  }
  const std::string error = error_of("m.npz", huge, [](const auto& f) { read_npz(f); });
  EXPECT_EQ(error, "'a.npy' declares sizes that the file cannot hold");
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  EXPECT_LT(usage.ru_maxrss, 1 << 20);  // KiB: a tenth of what was declared
}

}  // namespace
