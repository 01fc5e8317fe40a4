# SPDX-License-Identifier: Apache-2.0
# A residual block of ResNet-8 on tw16: the second 3x3 convolution (8x8 pixels, 64 to 64 channels), then the addition of the
# block's other branch inside the drain. 4x4 blocks of 9 taps; 256 ACC rows. The shortcut lies in group 3.
.config tw16
.region 1 0xa000 r
.region 2 0x8000 rw
.tag 9 "conv2d_add"
ldp region=1 offset=0x9000 dst=0 count=9 post(2) tag=9
ldw region=1 offset=0 spm=0x10000 n0=2304 n1=1 n2=1 n3=1 post(1) tag=9
ld region=2 offset=0 spm=0 n0=256 n1=1 n2=1 n3=1 tag=9
ld region=2 offset=0x1000 spm=0x30000 n0=256 n1=1 n2=1 n3=1 post(0, 5) tag=9
conv x=0 x_h=8 x_w=8 x_hs=512 x_ws=64 stride_h=1 stride_w=1 dil_h=1 dil_w=1 pad_t=1 pad_l=1 pad_value=-128 kh_n=3 kw_n=3 ic_n=4 oc_n=4 oh_n=8 ow_n=8 w=0x10000 acc=512 wait(0, 1) post(3) tag=9
drqa acc=512 oc_n=4 oh_n=8 ow_n=8 y=0x20000 y_hs=512 y_ws=64 y_cs=16 param=0 r=0x30000 r_hs=512 r_ws=64 r_cs=16 wait(2, 3, 5) post(4) tag=9
st region=2 offset=0x2000 spm=0x20000 n0=256 n1=1 n2=1 n3=1 wait(4) tag=9
end
