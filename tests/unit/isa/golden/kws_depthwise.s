# SPDX-License-Identifier: Apache-2.0
# A depthwise layer of the keyword spotting network: 3x3, padding 1, 64 channels on 25x5 pixels, on tw16.
# Input [25][5][4][16] in group 0, weights [4][3][3][16] in group 1, result in group 2; record: head and 4 pairs of rows.
.config tw16
.region 1 0x1000 r
.region 2 0x8000 rw
.tag 7 "depthwise"
ldp region=1 offset=0x240 dst=16 count=9 post(2) tag=7
ldw region=1 offset=0 spm=0x10000 n0=36 n1=1 n2=1 n3=1 post(1) tag=7
ld region=2 offset=0 spm=0 n0=500 n1=1 n2=1 n3=1 post(0) tag=7
dwconv x=0 x_h=25 x_w=5 x_hs=320 x_ws=64 x_cs=16 stride_h=1 stride_w=1 dil_h=1 dil_w=1 pad_t=1 pad_l=1 kh_n=3 kw_n=3 oc_n=4 oh_n=25 ow_n=5 y=0x20000 y_hs=320 y_ws=64 y_cs=16 param=16 pad_value=-128 w=0x10000 wait(0, 1, 2) post(5) tag=7
st region=2 offset=0x2000 spm=0x20000 n0=500 n1=1 n2=1 n3=1 wait(5) tag=7
end
