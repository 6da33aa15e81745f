#!/bin/sh
# Runs every fuzz target in turn for FUZZ_SECONDS seconds (default 600). Needs a nightly toolchain and cargo-fuzz.
set -eu
cd "$(dirname "$0")/../fuzz"
seconds="${FUZZ_SECONDS:-600}"
for target in $(cargo +nightly fuzz list); do
    echo "== $target: ${seconds} s"
    cargo +nightly fuzz run "$target" -- -max_total_time="$seconds" -rss_limit_mb=2048 -print_final_stats=1
done
