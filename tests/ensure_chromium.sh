#!/bin/sh
# Make sure that the browser tests have a Chromium: usage `ensure_chromium.sh PYTHON`.
# Looks where tests/browser.py looks, and otherwise asks apt for the system package. Always succeeds:
# without a browser the tests run all the same, and those that need one are skipped by name.
python=$1
"$python" -c '' || exit  # no environment: that is not a missing browser

find_chromium() {
    PYTHONPATH=$(dirname "$0") "$python" -c \
        'import sys, browser; p = browser.find_chromium(); print(p or ""); sys.exit(not p)'
}

install_chromium() {
    command -v apt-get >/dev/null 2>&1 || { echo "  there is no apt-get here"; return 1; }
    sudo=
    if [ "$(id -u)" != 0 ]; then
        sudo="sudo -n"
        $sudo true 2>/dev/null || { echo "  apt-get needs root, and sudo asks for a password"; return 1; }
    fi
    log=$(mktemp)
    # A fresh container has no package lists and an old one has stale ones: both need the update.
    if { $sudo apt-get update && $sudo env DEBIAN_FRONTEND=noninteractive \
        apt-get install -y --no-install-recommends chromium fonts-dejavu-core; } \
        >"$log" 2>&1 </dev/null; then
        rm -f "$log"
        return 0
    fi
    echo "  apt-get failed:"
    tail -n 3 "$log" | sed 's/^/    /'
    rm -f "$log"
    return 1
}

if found=$(find_chromium); then
    echo "browser tests use $found"
elif echo "no Chromium for the browser tests; trying apt-get install chromium" \
    && install_chromium && found=$(find_chromium); then
    echo "installed; browser tests use $found"
else
    echo "NO CHROMIUM: the browser tests will be SKIPPED."
    echo "  to do: install chromium or Google Chrome, or set SOCWIDGETS_CHROMIUM=/path/to/it"
fi
