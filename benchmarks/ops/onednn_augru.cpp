// oneDNN's AUGRU over all steps of a batch, measured at a word from standard input.
//
//   onednn_augru FOLDER BATCH STEPS INPUT HIDDEN linear_before_reset|vanilla forward|both
//
// FOLDER holds float32 in the primitive's layouts: x [T, B, I], attention [T, B], h0 [B, H],
// w_ih [I, 3, H], w_hh [H, 3, H], bias [3 or 4, H] and, for "both", the weights of the results in
// the loss, outputs_weight [T, B, H] and last_weight [B, H]. What a first run gives is written
// there. Then each line read is answered with the seconds of one run. The weights are brought into
// the primitive's order once, before.
#include <chrono>
#include <cstring>
#include <fstream>
#include <iostream>
#include <stdexcept>
#include <string>
#include <unordered_map>

#include "oneapi/dnnl/dnnl.hpp"

namespace {

using dnnl::memory;
using Tag = memory::format_tag;
using Arguments = std::unordered_map<int, memory>;

constexpr auto left_to_right = dnnl::rnn_direction::unidirectional_left2right;

struct Shape {
  memory::dim batch, steps, input, hidden, biases;
};

memory::desc floats(const memory::dims& sizes, Tag tag) {
  return {sizes, memory::data_type::f32, tag};
}

// Layouts of what the primitive takes and gives; it chooses its weights' order itself.
struct Layouts {
  explicit Layouts(const Shape& s)
      : x(floats({s.steps, s.batch, s.input}, Tag::tnc)),
        attention(floats({s.steps, s.batch, 1}, Tag::tnc)),
        state(floats({1, 1, s.batch, s.hidden}, Tag::ldnc)),
        w_ih(floats({1, 1, s.input, 3, s.hidden}, Tag::any)),
        w_hh(floats({1, 1, s.hidden, 3, s.hidden}, Tag::any)),
        bias(floats({1, 1, s.biases, s.hidden}, Tag::ldgo)),
        outputs(floats({s.steps, s.batch, s.hidden}, Tag::tnc)),
        plain_w_ih(floats({1, 1, s.input, 3, s.hidden}, Tag::ldigo)),
        plain_w_hh(floats({1, 1, s.hidden, 3, s.hidden}, Tag::ldigo)) {}

  memory::desc x, attention, state, w_ih, w_hh, bias, outputs, plain_w_ih, plain_w_hh;
};

char* bytes(const memory& values) {
  return static_cast<char*>(values.get_data_handle());
}

std::size_t size(const memory& values) {
  return values.get_desc().get_size();
}

class Folder {
 public:
  Folder(const std::string& path, const dnnl::engine& engine)
      : path_(path + "/"), engine_(engine), stream_(engine) {}

  memory read(const std::string& name, const memory::desc& layout) const {
    memory values(layout, engine_);
    std::ifstream file(path_ + name, std::ios::binary);
    file.read(bytes(values), static_cast<std::streamsize>(size(values)));
    if (!file) throw std::runtime_error("cannot read " + name);
    return values;
  }

  // Reads values in the order `plain` and returns them in the order `layout`.
  memory read(const std::string& name, const memory::desc& plain, const memory::desc& layout) {
    return reordered(read(name, plain), layout);
  }

  void write(const std::string& name, const memory& values, const memory::desc& plain) {
    memory ordered = reordered(values, plain);
    std::ofstream file(path_ + name, std::ios::binary);
    file.write(bytes(ordered), static_cast<std::streamsize>(size(ordered)));
    if (!file) throw std::runtime_error("cannot write " + name);
  }

 private:
  memory reordered(memory values, const memory::desc& layout) {
    memory result(layout, engine_);
    dnnl::reorder(values, result).execute(stream_, values, result);
    stream_.wait();
    return result;
  }

  std::string path_;
  dnnl::engine engine_;
  dnnl::stream stream_;
};

template <typename Primitive>
class Forward {
 public:
  using Plan = typename Primitive::primitive_desc;

  Forward(Folder& folder, const Layouts& at, const dnnl::engine& engine, bool training)
      : plan(engine,
             training ? dnnl::prop_kind::forward_training : dnnl::prop_kind::forward_inference,
             left_to_right, at.x, at.state, at.attention, at.w_ih, at.w_hh, at.bias, at.outputs,
             at.state),
        arguments{
            {DNNL_ARG_SRC_LAYER, folder.read("x", at.x)},
            {DNNL_ARG_SRC_ITER, folder.read("h0", at.state)},
            {DNNL_ARG_AUGRU_ATTENTION, folder.read("attention", at.attention)},
            {DNNL_ARG_WEIGHTS_LAYER, folder.read("w_ih", at.plain_w_ih, plan.weights_layer_desc())},
            {DNNL_ARG_WEIGHTS_ITER, folder.read("w_hh", at.plain_w_hh, plan.weights_iter_desc())},
            {DNNL_ARG_BIAS, folder.read("bias", at.bias)},
            {DNNL_ARG_DST_LAYER, memory(at.outputs, engine)},
            {DNNL_ARG_DST_ITER, memory(at.state, engine)},
        },
        primitive_(plan) {
    if (training) arguments[DNNL_ARG_WORKSPACE] = memory(plan.workspace_desc(), engine);
  }

  void run(dnnl::stream& stream) { primitive_.execute(stream, arguments); }

  void write(Folder& folder, const Layouts& at) const {
    folder.write("outputs", arguments.at(DNNL_ARG_DST_LAYER), at.outputs);
    folder.write("last", arguments.at(DNNL_ARG_DST_ITER), at.state);
  }

  Plan plan;
  Arguments arguments;

 private:
  Primitive primitive_;
};

template <typename Primitive>
class Backward {
 public:
  template <typename F>
  Backward(Folder& folder, const Layouts& at, const dnnl::engine& engine, const F& forward)
      : arguments_(forward.arguments) {
    typename Primitive::primitive_desc plan(
        engine, dnnl::prop_kind::backward, left_to_right, at.x, at.state, at.attention, at.w_ih,
        at.w_hh, at.bias, at.outputs, at.state, at.x, at.state, at.attention, at.w_ih, at.w_hh,
        at.bias, at.outputs, at.state, forward.plan);
    primitive_ = Primitive(plan);
    auto set = [&](int name, const memory& values) { arguments_[name] = values; };
    set(DNNL_ARG_WEIGHTS_LAYER, folder.read("w_ih", at.plain_w_ih, plan.weights_layer_desc()));
    set(DNNL_ARG_WEIGHTS_ITER, folder.read("w_hh", at.plain_w_hh, plan.weights_iter_desc()));
    set(DNNL_ARG_DIFF_DST_LAYER, folder.read("outputs_weight", at.outputs));
    set(DNNL_ARG_DIFF_DST_ITER, folder.read("last_weight", at.state));
    set(DNNL_ARG_DIFF_SRC_LAYER, memory(at.x, engine));
    set(DNNL_ARG_DIFF_SRC_ITER, memory(at.state, engine));
    set(DNNL_ARG_DIFF_AUGRU_ATTENTION, memory(at.attention, engine));
    set(DNNL_ARG_DIFF_WEIGHTS_LAYER, memory(plan.diff_weights_layer_desc(), engine));
    set(DNNL_ARG_DIFF_WEIGHTS_ITER, memory(plan.diff_weights_iter_desc(), engine));
    set(DNNL_ARG_DIFF_BIAS, memory(at.bias, engine));
  }

  void run(dnnl::stream& stream) {
    // These gradients are added to what is there.
    for (int name : {DNNL_ARG_DIFF_WEIGHTS_LAYER, DNNL_ARG_DIFF_WEIGHTS_ITER, DNNL_ARG_DIFF_BIAS}) {
      const memory& values = arguments_.at(name);
      std::memset(bytes(values), 0, size(values));
    }
    primitive_.execute(stream, arguments_);
  }

  void write(Folder& folder, const Layouts& at) const {
    auto write = [&](const char* name, int argument, const memory::desc& plain) {
      folder.write(name, arguments_.at(argument), plain);
    };
    write("x_gradient", DNNL_ARG_DIFF_SRC_LAYER, at.x);
    write("h0_gradient", DNNL_ARG_DIFF_SRC_ITER, at.state);
    write("attention_gradient", DNNL_ARG_DIFF_AUGRU_ATTENTION, at.attention);
    write("w_ih_gradient", DNNL_ARG_DIFF_WEIGHTS_LAYER, at.plain_w_ih);
    write("w_hh_gradient", DNNL_ARG_DIFF_WEIGHTS_ITER, at.plain_w_hh);
    write("bias_gradient", DNNL_ARG_DIFF_BIAS, at.bias);
  }

 private:
  Arguments arguments_;
  Primitive primitive_;
};

// Says what runs, then runs once for each line read.
template <typename Run>
void serve(const std::string& implementation, const Run& run) {
  const dnnl_version_t* version = dnnl::version();
  std::cout << R"({"version": ")" << version->major << '.' << version->minor << '.'
            << version->patch << R"(", "implementation": ")" << implementation << "\"}"
            << std::endl;
  for (std::string line; std::getline(std::cin, line);) {
    auto start = std::chrono::steady_clock::now();
    run();
    std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::cout << R"({"seconds": )" << seconds.count() << '}' << std::endl;
  }
}

template <typename ForwardPrimitive, typename BackwardPrimitive>
void measure(const std::string& path, const Shape& shape, bool both) {
  dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  dnnl::stream stream(engine);
  Folder folder(path, engine);
  Layouts at(shape);
  Forward<ForwardPrimitive> forward(folder, at, engine, both);
  forward.run(stream);
  stream.wait();
  forward.write(folder, at);
  if (!both) {
    serve(forward.plan.impl_info_str(), [&] {
      forward.run(stream);
      stream.wait();
    });
    return;
  }
  Backward<BackwardPrimitive> backward(folder, at, engine, forward);
  backward.run(stream);
  stream.wait();
  backward.write(folder, at);
  serve(forward.plan.impl_info_str(), [&] {
    forward.run(stream);
    backward.run(stream);
    stream.wait();
  });
}

}  // namespace

int main(int count, char** words) try {
  if (count != 8) throw std::invalid_argument("expected 7 arguments");
  bool linear_before_reset = std::string(words[6]) == "linear_before_reset";
  Shape shape{std::stol(words[2]), std::stol(words[3]), std::stol(words[4]), std::stol(words[5]),
              linear_before_reset ? 4 : 3};
  bool both = std::string(words[7]) == "both";
  if (linear_before_reset) {
    measure<dnnl::lbr_augru_forward, dnnl::lbr_augru_backward>(words[1], shape, both);
  } else {
    measure<dnnl::augru_forward, dnnl::augru_backward>(words[1], shape, both);
  }
} catch (const std::exception& error) {
  std::cerr << error.what() << '\n';
  return 1;
}
