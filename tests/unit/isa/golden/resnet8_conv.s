# SPDX-License-Identifier: Apache-2.0
# The largest kind of layer of ResNet-8: 3x3 convolution, 16 to 16 channels, on 32x32 pixels, on tw16. The 1024 pixels need
# both halves of ACC: rows 0-511 for the upper half of the image, 512-1023 for the lower.
# SPM: input [32][32][1][16] in group 0, weights [1][3][3][1][16][16] in group 1, result in group 2.
.config tw16
.region 1 0x1000 r
.region 2 0x8000 rw
.tag 1 "conv2d"
ldp region=1 offset=0xc00 dst=0 count=3 post(2) tag=1
ldw region=1 offset=0 spm=0x10000 n0=144 n1=1 n2=1 n3=1 post(1) tag=1
ld region=2 offset=0 spm=0 n0=1024 n1=1 n2=1 n3=1 post(0) tag=1
conv x=0 x_h=32 x_w=32 x_hs=512 x_ws=16 stride_h=1 stride_w=1 dil_h=1 dil_w=1 pad_t=1 pad_l=1 pad_value=-128 kh_n=3 kw_n=3 ic_n=1 oc_n=1 oh_n=16 ow_n=32 w=0x10000 acc=0 wait(0, 1) post(3) tag=1
conv x=0x1e00 x_h=17 x_w=32 x_hs=512 x_ws=16 stride_h=1 stride_w=1 dil_h=1 dil_w=1 pad_l=1 pad_value=-128 kh_n=3 kw_n=3 ic_n=1 oc_n=1 oh_n=16 ow_n=32 w=0x10000 acc=512 post(3) tag=1
drq acc=0 oc_n=1 oh_n=16 ow_n=32 y=0x20000 y_hs=512 y_ws=16 param=0 wait(2, 3) tag=1
drq acc=512 oc_n=1 oh_n=16 ow_n=32 y=0x22000 y_hs=512 y_ws=16 param=0 wait(3) post(4) tag=1
st region=2 offset=0x4000 spm=0x20000 n0=1024 n1=1 n2=1 n3=1 wait(4) tag=1
end
