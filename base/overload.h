// A visitor for std::variant made of lambdas, one per alternative.
#pragma once

namespace bsr {

template <typename... Callables>
struct Overload : Callables... {
  using Callables::operator()...;
};
template <typename... Callables>
Overload(Callables...) -> Overload<Callables...>;

}  // namespace bsr
