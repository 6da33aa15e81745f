#!/bin/sh
# Installs what tipward's build needs and this machine lacks: a C compiler and linker (for secp256k1).
# Rust itself is expected; everything else comes from Cargo.lock.
set -eu

if ! command -v cargo >/dev/null 2>&1; then
    if [ -x "$HOME/.cargo/bin/cargo" ]; then
        echo "Error: cargo is installed but not on the PATH; run: . \"\$HOME/.cargo/env\"" >&2
    else
        echo "Error: Rust is missing; install it from https://rustup.rs and run this again" >&2
    fi
    exit 1
fi

command -v cc >/dev/null 2>&1 && exit 0

if ! command -v apt-get >/dev/null 2>&1; then
    echo "Error: no C compiler (cc) found; install one with your system's package manager and run this again" >&2
    exit 1
fi
as_root=""
if [ "$(id -u)" -ne 0 ]; then
    as_root="sudo"
fi
echo "Installing a C compiler (build-essential) ..."
$as_root apt-get update -qq
DEBIAN_FRONTEND=noninteractive $as_root apt-get install -y -qq --no-install-recommends build-essential
