// `recbench._native`: the data plane for Python. Its one caller, recbench/data/gather.py, has
// checked shapes, types and bounds; each function releases the GIL while it works.
#include <pybind11/numpy.h>
#include <pybind11/pybind11.h>

#include <memory>
#include <utility>

#include "data_plane/category_index.h"
#include "data_plane/gather.h"
#include "data_plane/window.h"

namespace py = pybind11;

namespace {

template <typename T>
using Array = py::array_t<T, py::array::c_style>;
using Int64s = Array<std::int64_t>;
using Int32s = Array<std::int32_t>;

// Hands a vector's memory to NumPy without a copy.
Int64s to_array(std::vector<std::int64_t>&& values) {
  auto owned = std::make_unique<std::vector<std::int64_t>>(std::move(values));
  const auto size = static_cast<py::ssize_t>(owned->size());
  const std::int64_t* data = owned->data();
  py::capsule owner(owned.get(),
                    [](void* p) { delete static_cast<std::vector<std::int64_t>*>(p); });
  owned.release();
  return Int64s(size, data, owner);
}

py::tuple to_arrays(recbench::Jagged&& jagged) {
  return py::make_tuple(to_array(std::move(jagged.offsets)), to_array(std::move(jagged.positions)));
}

template <typename T>
void define_gather(py::module_& module) {
  module.def(
      "gather",
      [](const Array<T>& column, const Int64s& positions) {
        Array<recbench::Widened<T>> values(positions.size());
        const T* from = column.data();
        const std::int64_t* at = positions.data();
        auto* to = values.mutable_data();
        {
          py::gil_scoped_release unlocked;
          recbench::gather(from, column.size(), at, positions.size(), to);
        }
        return values;
      },
      py::arg("column").noconvert(), py::arg("positions").noconvert());
}

py::tuple window(const Int64s& starts, const Int64s& stops, std::int64_t recent) {
  recbench::Jagged chosen;
  {
    py::gil_scoped_release unlocked;
    chosen = recbench::window(starts.data(), stops.data(), starts.size(), recent);
  }
  return to_arrays(std::move(chosen));
}

py::tuple window_with_category(const Int64s& starts, const Int64s& stops, std::int64_t recent,
                               std::int64_t same_category, const Int64s& user_starts,
                               const Int64s& user_stops, const Int64s& index,
                               const Int32s& category, const Int64s& wanted) {
  const recbench::CategoryQuery query{user_starts.data(), user_stops.data(), wanted.data(),
                                      index.data(),       category.data(),   category.size()};
  recbench::Jagged chosen;
  {
    py::gil_scoped_release unlocked;
    chosen = recbench::window_with_category(starts.data(), stops.data(), starts.size(), recent,
                                            same_category, query);
  }
  return to_arrays(std::move(chosen));
}

Int64s category_index(const Int64s& user_offsets, const Int32s& category) {
  Int64s index(category.size());
  const std::int64_t* offsets = user_offsets.data();
  std::int64_t* to = index.mutable_data();
  {
    py::gil_scoped_release unlocked;
    recbench::category_index(offsets, user_offsets.size() - 1, category.data(), to);
  }
  return index;
}

}  // namespace

PYBIND11_MODULE(_native, module) {
  module.doc() = "The data plane: batch gather and history windows on NumPy arrays.";
  define_gather<std::int8_t>(module);
  define_gather<std::int16_t>(module);
  define_gather<std::int32_t>(module);
  define_gather<std::int64_t>(module);
  define_gather<float>(module);
  define_gather<double>(module);
  module.def("window", &window, py::arg("starts").noconvert(), py::arg("stops").noconvert(),
             py::arg("recent"));
  module.def("window_with_category", &window_with_category, py::arg("starts").noconvert(),
             py::arg("stops").noconvert(), py::arg("recent"), py::arg("same_category"),
             py::arg("user_starts").noconvert(), py::arg("user_stops").noconvert(),
             py::arg("index").noconvert(), py::arg("category").noconvert(),
             py::arg("wanted").noconvert());
  module.def("category_index", &category_index, py::arg("user_offsets").noconvert(),
             py::arg("category").noconvert());
}
