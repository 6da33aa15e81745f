#!/bin/sh
# Runs every fuzz target in turn for FUZZ_SECONDS seconds (default 600). Needs a nightly toolchain and cargo-fuzz.
set -eu
cd "$(dirname "$0")/../fuzz"
seconds="${FUZZ_SECONDS:-600}"
for target in $(cargo +nightly fuzz list); do
    echo "== $target: ${seconds} s"
    # Where a store works on threads of its own, memory seems to leak after nearly every run, and the search for it takes
    # longer than the run. Steps make sense in their hundreds, not one by one.
    case "$target" in
    coins | connect) options="-detect_leaks=0 -max_len=400 -len_control=0" ;;
    *) options="" ;;
    esac
    # shellcheck disable=SC2086
    cargo +nightly fuzz run "$target" -- -max_total_time="$seconds" -rss_limit_mb=2048 -print_final_stats=1 $options
done
