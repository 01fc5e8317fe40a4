// SPDX-License-Identifier: Apache-2.0
// A function of each operator of the graph, as text: with every form that has code of its own.
// Called by the suites that run every operator somewhere: on the host, on a device.
// Does not parse or run anything.
#ifndef TW_SUPPORT_OPERATORCASES_H
#define TW_SUPPORT_OPERATORCASES_H

#include <string>
#include <vector>

namespace tw::test {

/// Modules with a function @main whose arguments behind the first may be constants.
std::vector<std::string> operatorCases();
/// Of them those that compute element by element, of any type.
std::vector<std::string> elementwiseCases();
/// Elementary functions in float64: host code may differ from the reference in the last places.
std::vector<std::string> functionCases();
/// Those that choose elements, and reductions whose order does not matter; sums and products of reals, where it does.
std::vector<std::string> choiceCases();
std::vector<std::string> sumCases();

/// Such a module: the result is %y of `body`, which may use scales %s %t %u and zero points %a %b %c.
std::string quantisedFunction(const std::string &arguments, const std::string &result, const std::string &body);

} // namespace tw::test

#endif // TW_SUPPORT_OPERATORCASES_H
