#!/bin/sh
# Installs what tipward's build needs and this machine lacks: a C and C++ compiler, cmake and Boost's headers (for
# libbitcoinkernel and secp256k1). Rust itself is expected; everything else comes from Cargo.lock.
set -eu

if ! command -v cargo >/dev/null 2>&1; then
    if [ -x "$HOME/.cargo/bin/cargo" ]; then
        echo "Error: cargo is installed but not on the PATH; run: . \"\$HOME/.cargo/env\"" >&2
    else
        echo "Error: Rust is missing; install it from https://rustup.rs and run this again" >&2
    fi
    exit 1
fi

# The header is asked for by the compiler itself, which knows where headers are on this machine.
has_boost() {
    echo '#include <boost/multi_index_container.hpp>' | c++ -E -x c++ - >/dev/null 2>&1
}

missing=""
if ! command -v cc >/dev/null 2>&1 || ! command -v c++ >/dev/null 2>&1; then
    missing="$missing build-essential"
fi
command -v cmake >/dev/null 2>&1 || missing="$missing cmake"
# Without a compiler this says no, and installing what is there already costs nothing.
has_boost || missing="$missing libboost-dev"

[ -z "$missing" ] && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Error: missing:$missing (Debian's names); install them with your system's package manager and run this again" >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    as_root="sudo"
fi
echo "Installing$missing ..."
$as_root apt-get update -qq
# shellcheck disable=SC2086 # a list of packages
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends $missing
