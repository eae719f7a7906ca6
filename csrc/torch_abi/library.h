// Registers an ordinary C++ function as an operator of torch's dispatcher.
//
//   Tensor twice(Tensor x, std::int64_t k, double scale);
//   Registration twice_registration("twice(Tensor x, int k, float scale) -> Tensor", "twice",
//   "CPU",
//                                   boxed<twice>);
//
// Arguments may be Tensor, std::vector<Tensor>, std::int64_t, double and bool; results Tensor or a
// tuple of them. A schema is given once; another device's kernel leaves it null.
#pragma once

#include <cstring>
#include <tuple>

#include "torch_abi/tensor.h"

namespace recbench {

// torch 2.10, the oldest version these declarations conform to.
constexpr std::uint64_t kBuildVersion = (2ull << 56) | (10ull << 48);

// Moves an argument off the stack; whoever takes a handle owns it.
template <typename T>
struct Argument {
  static T take(StableIValue slot) {
    T value;
    std::memcpy(&value, &slot, sizeof value);
    return value;
  }
};

template <>
struct Argument<Tensor> {
  static Tensor take(StableIValue slot) { return Tensor(reinterpret_cast<AtenTensorHandle>(slot)); }
};

template <>
struct Argument<std::vector<Tensor>> {
  static std::vector<Tensor> take(StableIValue slot) {
    auto* list = reinterpret_cast<StableListHandle>(slot);
    std::vector<Tensor> tensors;
    std::size_t size = 0;
    AOTITorchError error = torch_list_size(list, &size);
    for (std::size_t i = 0; error == 0 && i < size; ++i) {
      StableIValue element;
      error = torch_list_get_item(list, i, &element);
      if (error == 0) tensors.push_back(Argument<Tensor>::take(element));
    }
    torch_delete_list(list);
    check(error, "give a list's tensors");
    return tensors;
  }
};

inline void put(StableIValue* stack, Tensor&& result) {
  stack[0] = reinterpret_cast<StableIValue>(result.release());
}

template <typename... Tensors>
void put(StableIValue* stack, std::tuple<Tensors...>&& results) {
  std::apply(
      [stack](auto&... result) {
        std::size_t slot = 0;
        ((stack[slot++] = reinterpret_cast<StableIValue>(result.release())), ...);
      },
      results);
}

template <typename Result, typename... Arguments, std::size_t... slot>
void call(Result (*function)(Arguments...), StableIValue* stack, std::index_sequence<slot...>) {
  // Braces take the arguments in order.
  std::tuple<Arguments...> arguments{Argument<Arguments>::take(stack[slot])...};
  put(stack, std::apply(function, std::move(arguments)));
}

template <typename Result, typename... Arguments>
void call(Result (*function)(Arguments...), StableIValue* stack) {
  call(function, stack, std::index_sequence_for<Arguments...>());
}

// `function` in the form that the dispatcher calls.
template <auto function>
void boxed(StableIValue* stack, std::uint64_t, std::uint64_t) {
  call(function, stack);
}

class Registration {
 public:
  Registration(const char* schema, const char* name, const char* key,
               void (*function)(StableIValue*, std::uint64_t, std::uint64_t)) {
    // The libraries live as long as the process: their registrations end with them.
    TorchLibraryHandle library;
    if (schema != nullptr) {
      check(aoti_torch_library_init_fragment("recbench", __FILE__, __LINE__, &library),
            "open the library");
      check(aoti_torch_library_def(library, schema), schema);
    }
    check(aoti_torch_library_init_impl("recbench", key, __FILE__, __LINE__, &library),
          "open the library");
    check(torch_library_impl(library, name, function, kBuildVersion), name);
  }
};

}  // namespace recbench
