# SPDX-License-Identifier: Apache-2.0
# A toolchain file: builds for 64-bit ARM on a Debian of another kind, which runs what it has built by qemu.
#
#   cmake --preset dev --toolchain cmake/arm64.cmake
#
# Needs the packages that `packaging/deb needs arm64` lists, and for the tests libcmocka-dev:arm64.
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_CXX_COMPILER aarch64-linux-gnu-g++)
set(CMAKE_LIBRARY_ARCHITECTURE aarch64-linux-gnu)
set(PKG_CONFIG_EXECUTABLE aarch64-linux-gnu-pkg-config)
set(CMAKE_CROSSCOMPILING_EMULATOR qemu-aarch64-static)
