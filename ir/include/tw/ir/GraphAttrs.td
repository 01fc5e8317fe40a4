// SPDX-License-Identifier: Apache-2.0
// Enumerations of the graph dialect.
#ifndef TW_IR_GRAPHATTRS_TD
#define TW_IR_GRAPHATTRS_TD

include "tw/ir/GraphDialect.td"
include "mlir/IR/EnumAttr.td"

class Tw_Enum<string name, string summary, list<I32EnumAttrCase> cases> : I32EnumAttr<name, summary, cases> {
  let cppNamespace = "::tw::ir";
  let genSpecializedAttr = 0;
}
class Tw_EnumAttr<EnumAttrInfo info, string mnemonic> : EnumAttr<Graph_Dialect, info, mnemonic> {
  let assemblyFormat = "`<` $value `>`";
}

// Position of the channels in an image tensor; weights follow: OIHW with NCHW, OHWI with NHWC.
def Tw_LayoutEnum : Tw_Enum<"Layout", "order of image dimensions", [
    I32EnumAttrCase<"NCHW", 0, "nchw">, I32EnumAttrCase<"NHWC", 1, "nhwc">]>;
def Tw_LayoutAttr : Tw_EnumAttr<Tw_LayoutEnum, "layout">;

// How a scaled value becomes an integer. Half to even is ONNX QuantizeLinear's rule.
def Tw_RoundingEnum : Tw_Enum<"Rounding", "rounding of a requantised value", [
    I32EnumAttrCase<"HalfEven", 0, "half_even">]>;
def Tw_RoundingAttr : Tw_EnumAttr<Tw_RoundingEnum, "rounding">;

def Tw_EltwiseKindEnum : Tw_Enum<"EltwiseKind", "binary elementwise function", [
    I32EnumAttrCase<"Add", 0, "add">, I32EnumAttrCase<"Sub", 1, "sub">, I32EnumAttrCase<"Mul", 2, "mul">,
    I32EnumAttrCase<"Min", 3, "min">, I32EnumAttrCase<"Max", 4, "max">]>;
def Tw_EltwiseKindAttr : Tw_EnumAttr<Tw_EltwiseKindEnum, "eltwise">;

def Tw_PoolKindEnum : Tw_Enum<"PoolKind", "reduction over a window", [
    I32EnumAttrCase<"Max", 0, "max">, I32EnumAttrCase<"Average", 1, "average">]>;
def Tw_PoolKindAttr : Tw_EnumAttr<Tw_PoolKindEnum, "pool">;

def Tw_ResizeModeEnum : Tw_Enum<"ResizeMode", "interpolation", [
    I32EnumAttrCase<"Nearest", 0, "nearest">, I32EnumAttrCase<"Linear", 1, "linear">]>;
def Tw_ResizeModeAttr : Tw_EnumAttr<Tw_ResizeModeEnum, "resize_mode">;

def Tw_CoordinateModeEnum : Tw_Enum<"CoordinateMode", "ONNX coordinate_transformation_mode", [
    I32EnumAttrCase<"HalfPixel", 0, "half_pixel">, I32EnumAttrCase<"AlignCorners", 1, "align_corners">,
    I32EnumAttrCase<"Asymmetric", 2, "asymmetric">, I32EnumAttrCase<"PytorchHalfPixel", 3, "pytorch_half_pixel">]>;
def Tw_CoordinateModeAttr : Tw_EnumAttr<Tw_CoordinateModeEnum, "coordinate">;

def Tw_NearestModeEnum : Tw_Enum<"NearestMode", "ONNX nearest_mode", [
    I32EnumAttrCase<"RoundPreferFloor", 0, "round_prefer_floor">,
    I32EnumAttrCase<"RoundPreferCeil", 1, "round_prefer_ceil">, I32EnumAttrCase<"Floor", 2, "floor">,
    I32EnumAttrCase<"Ceil", 3, "ceil">]>;
def Tw_NearestModeAttr : Tw_EnumAttr<Tw_NearestModeEnum, "nearest">;

def Tw_UnaryKindEnum : Tw_Enum<"UnaryKind", "function of one number", [
    I32EnumAttrCase<"Abs", 0, "abs">, I32EnumAttrCase<"Neg", 1, "neg">, I32EnumAttrCase<"Sign", 2, "sign">,
    I32EnumAttrCase<"Ceil", 3, "ceil">, I32EnumAttrCase<"Floor", 4, "floor">, I32EnumAttrCase<"Round", 5, "round">,
    I32EnumAttrCase<"Sqrt", 6, "sqrt">, I32EnumAttrCase<"Exp", 7, "exp">, I32EnumAttrCase<"Log", 8, "log">,
    I32EnumAttrCase<"Sin", 9, "sin">, I32EnumAttrCase<"Cos", 10, "cos">, I32EnumAttrCase<"Tan", 11, "tan">,
    I32EnumAttrCase<"Asin", 12, "asin">, I32EnumAttrCase<"Acos", 13, "acos">, I32EnumAttrCase<"Atan", 14, "atan">,
    I32EnumAttrCase<"Sinh", 15, "sinh">, I32EnumAttrCase<"Cosh", 16, "cosh">, I32EnumAttrCase<"Asinh", 17, "asinh">,
    I32EnumAttrCase<"Acosh", 18, "acosh">, I32EnumAttrCase<"Atanh", 19, "atanh">, I32EnumAttrCase<"Erf", 20, "erf">,
    I32EnumAttrCase<"Log1p", 21, "log1p">, I32EnumAttrCase<"Expm1", 22, "expm1">, I32EnumAttrCase<"Not", 23, "not">]>;
def Tw_UnaryKindAttr : Tw_EnumAttr<Tw_UnaryKindEnum, "unary">;

def Tw_BinaryKindEnum : Tw_Enum<"BinaryKind", "function of two numbers", [
    I32EnumAttrCase<"Pow", 0, "pow">,
    I32EnumAttrCase<"Mod", 1, "mod">,   // of integers, the divisor's sign
    I32EnumAttrCase<"Fmod", 2, "fmod">, // the dividend's sign
    I32EnumAttrCase<"And", 3, "and">, I32EnumAttrCase<"Or", 4, "or">, I32EnumAttrCase<"Xor", 5, "xor">,
    I32EnumAttrCase<"ShiftLeft", 6, "shift_left">, I32EnumAttrCase<"ShiftRight", 7, "shift_right">]>;
def Tw_BinaryKindAttr : Tw_EnumAttr<Tw_BinaryKindEnum, "binary">;

// As IEEE 754 has them: what is no number is unequal to everything, and nothing else.
def Tw_CompareKindEnum : Tw_Enum<"CompareKind", "relation of two numbers", [
    I32EnumAttrCase<"Equal", 0, "equal">, I32EnumAttrCase<"NotEqual", 1, "not_equal">,
    I32EnumAttrCase<"Less", 2, "less">, I32EnumAttrCase<"LessOrEqual", 3, "less_or_equal">,
    I32EnumAttrCase<"Greater", 4, "greater">, I32EnumAttrCase<"GreaterOrEqual", 5, "greater_or_equal">]>;
def Tw_CompareKindAttr : Tw_EnumAttr<Tw_CompareKindEnum, "compare">;

def Tw_ReduceKindEnum : Tw_Enum<"ReduceKind", "reduction of numbers", [
    I32EnumAttrCase<"Sum", 0, "sum">, I32EnumAttrCase<"Prod", 1, "prod">, I32EnumAttrCase<"Min", 2, "min">,
    I32EnumAttrCase<"Max", 3, "max">]>;
def Tw_ReduceKindAttr : Tw_EnumAttr<Tw_ReduceKindEnum, "reduce">;

#endif // TW_IR_GRAPHATTRS_TD
