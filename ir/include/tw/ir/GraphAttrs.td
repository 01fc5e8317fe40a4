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

#endif // TW_IR_GRAPHATTRS_TD
