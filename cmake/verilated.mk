# SPDX-License-Identifier: Apache-2.0
# Verilator's own makefile plus one archive that holds the model and the runtime. Run in the model's directory with
# TOP=<module>; called by TwVerilate.cmake.
include V$(TOP).mk
libV$(TOP).a: $(VK_OBJS) $(VK_GLOBAL_OBJS)
