// SPDX-License-Identifier: Apache-2.0
// The names that nodes of one graph may read: its own, and around a nested graph those of the graph that holds it.
#ifndef TW_IR_LIB_ONNX_SCOPE_H
#define TW_IR_LIB_ONNX_SCOPE_H

#include "Model.h"

#include "mlir/IR/Value.h"
#include "llvm/ADT/StringSet.h"

namespace tw::ir::onnx {

struct Scope {
  const Scope *outer = nullptr; // of a nested graph; a function sees nothing around it
  const Opsets *opsets = nullptr;
  std::string prefix; // of the names of its nodes: "loop/3/"

  llvm::StringMap<mlir::Value> values;
  llvm::StringSet<> poisoned; // results of nodes with a problem: their users stay silent
  llvm::StringSet<> absent;   // inputs of a function that its caller leaves out
  // What `ref_attr_name` means in a function.
  llvm::StringMap<const ::onnx::AttributeProto *> attributes;

  mlir::Value lookup(llvm::StringRef name) const {
    const Scope *scope = owner(name);
    return scope ? scope->values.lookup(name) : mlir::Value();
  }
  bool isPoisoned(llvm::StringRef name) const {
    const Scope *scope = owner(name);
    return scope && scope->poisoned.contains(name);
  }
  bool isAbsent(llvm::StringRef name) const {
    const Scope *scope = owner(name);
    return scope && scope->absent.contains(name);
  }
  bool knows(llvm::StringRef name) const { return owner(name) != nullptr; }

  // The attribute itself, or the one of the function's caller that it refers to; null without one.
  const ::onnx::AttributeProto *resolve(const ::onnx::AttributeProto &attribute) const {
    if (attribute.ref_attr_name().empty())
      return &attribute;
    const Scope *function = this;
    while (function->outer)
      function = function->outer;
    return function->attributes.lookup(attribute.ref_attr_name());
  }

private:
  const Scope *owner(llvm::StringRef name) const {
    for (const Scope *scope = this; scope; scope = scope->outer)
      if (scope->values.contains(name) || scope->poisoned.contains(name) || scope->absent.contains(name))
        return scope;
    return nullptr;
  }
};

} // namespace tw::ir::onnx

#endif // TW_IR_LIB_ONNX_SCOPE_H
